//! `fanout processes`: flows of many steps, and an operator's word on those that do not end by
//! themselves.

mod list_processes;
mod move_process;
mod page_token;
mod show_process;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, Subcommand};
use fanout_processes::{Pace, Processes, Status, StoredProcess, Verb, process_key};
use fanout_store::Documents;
use fanout_web::InvalidPageToken;

use crate::answer::{AnswerFlags, block_on, printable};
pub(crate) use page_token::PageToken;

const EXAMPLES: &str = "Examples:
  fanout processes list
  fanout processes list --status stuck --json
  fanout processes show ord_01JD2V7Q4KA1B2C3D4E5F6G7H8
  fanout processes retry ord_01JD2V7Q4KA1B2C3D4E5F6G7H8

Each verb is one commit: the process's next state, what it asks for, and the event
`operator.intervened`. On one machine the running `fanout up` does it; in Google Cloud this command
does, in Firestore, for which it takes the role roles/datastore.user.

Exit code: 0 done, 1 not (the process refuses, or is not known), 2 wrong use.";

const LIST_EXAMPLES: &str = "Examples:
  fanout processes list                       those that have not ended
  fanout processes list --status stuck        those that wait for an operator
  fanout processes list --status completed --limit 10 --project my-project
  fanout processes list --page-token TOKEN    those after the last one of a list that was cut off

A list that was cut off says so, with the token of each status of which there are more; in JSON they
are in `next_page_tokens`.";

const SHOW_EXAMPLES: &str = "Examples:
  fanout processes show ord_01JD2V7Q4KA1B2C3D4E5F6G7H8
  fanout processes show ord_01JD2V7Q4KA1B2C3D4E5F6G7H8 --json";

const RETRY_EXAMPLES: &str = "Examples:
  fanout processes retry ord_01JD2V7Q4KA1B2C3D4E5F6G7H8

Asks again for every step, or undo, that is not answered. What was done is not done again: each
participant knows the step.";

const SKIP_EXAMPLES: &str = "Examples:
  fanout processes skip ord_01JD2V7Q4KA1B2C3D4E5F6G7H8 --step charge

Takes the step, or its undo, as done by hand. What asked for it is not called back: done by hand, it
may be done once more. So first see what has become of it, then do it by hand, then skip it:
  fanout trace --order ord_01JD2V7Q4KA1B2C3D4E5F6G7H8
If a consumer is at work on it or is to get it yet, wait. If it is a dead letter, discard it, so that no
redrive does it again:
  fanout dead-letters discard --consumer payment --id evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C";

const COMPENSATE_EXAMPLES: &str = "Examples:
  fanout processes compensate ord_01JD2V7Q4KA1B2C3D4E5F6G7H8

Turns the process around, and undoes what was asked for. Not past its pivot.";

const ABANDON_EXAMPLES: &str = "Examples:
  fanout processes abandon ord_01JD2V7Q4KA1B2C3D4E5F6G7H8 --reason 'settled with the customer'

Gives it up as it is: the process asks for nothing more, and for no undo. What it has asked for is still
done if it is on its way. The participants of an order that was placed under ORDER_FLOW=choreographed
react to each other and go on by themselves, up to shipping it if it was not turned around before:
where that is not meant, `compensate` first.
The reason is kept and shown as it is: write no personal data into it.";

/// The arguments of `fanout processes`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProcessesArgs {
    #[command(subcommand)]
    command: ProcessesCommand,
}

#[derive(Debug, Subcommand)]
enum ProcessesCommand {
    /// List processes, the latest first
    #[command(after_help = LIST_EXAMPLES)]
    List(ListFlags),
    /// Show one process, with its steps
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowFlags),
    /// Ask again for what is not answered
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(MoveFlags),
    /// Take a step as done by hand
    #[command(after_help = SKIP_EXAMPLES)]
    Skip {
        /// The step
        #[arg(long, value_name = "STEP", value_parser = NonEmptyStringValueParser::new())]
        step: String,
        #[command(flatten)]
        flags: MoveFlags,
    },
    /// Turn around, and undo
    #[command(after_help = COMPENSATE_EXAMPLES)]
    Compensate(MoveFlags),
    /// Give a process up as it is
    #[command(after_help = ABANDON_EXAMPLES)]
    Abandon {
        /// Why
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        reason: String,
        #[command(flatten)]
        flags: MoveFlags,
    },
}

#[derive(Debug, Args)]
struct ListFlags {
    /// Only those that stand like this; by default all that have not ended
    #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.map(Status::as_str)))]
    status: Option<String>,
    /// Those after a list that was cut off, which has said this token
    #[arg(long, value_name = "TOKEN", conflicts_with = "status", value_parser = read_page_token)]
    page_token: Option<PageToken>,
    /// At most this many of each status
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Debug, Args)]
struct ShowFlags {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Debug, Args)]
struct MoveFlags {
    #[command(flatten)]
    which: Which,
    /// Where the service that owns the process listens; by default where `fanout up` puts it
    #[arg(long, env = "FANOUT_SERVICE_URL", value_name = "URL")]
    service_url: Option<String>,
    #[command(flatten)]
    common: AnswerFlags,
}

#[derive(Debug, Args)]
struct Which {
    /// The process's key: the id of what it is about
    #[arg(value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    key: String,
    /// The process's name, where several have this key
    #[arg(long, value_name = "NAME")]
    process: Option<String>,
}

fn read_page_token(text: &str) -> Result<PageToken, InvalidPageToken> {
    PageToken::parse(text)
}

/// Does what was asked for.
pub fn run(args: &ProcessesArgs) -> anyhow::Result<ExitCode> {
    let (flags, verb) = match &args.command {
        ProcessesCommand::List(flags) => return block_on(list_processes::list(flags)),
        ProcessesCommand::Show(flags) => return block_on(show_process::show(flags)),
        ProcessesCommand::Retry(flags) => (flags, Verb::Retry),
        ProcessesCommand::Skip { step, flags } => (flags, Verb::Skip { step: step.clone() }),
        ProcessesCommand::Compensate(flags) => {
            let reason = fanout_processes::CANCELLED_BY_OPERATOR;
            (flags, Verb::Compensate { reason })
        }
        ProcessesCommand::Abandon { reason, flags } => {
            let reason = reason.clone();
            (flags, Verb::Abandon { reason })
        }
    };
    block_on(move_process::operate(flags, verb))
}

/// All processes of this build.
pub(crate) fn table() -> Processes {
    system::processes(Pace::REAL, |_| true)
}

impl Which {
    /// The one process that is meant.
    async fn find(&self, documents: &dyn Documents) -> anyhow::Result<StoredProcess> {
        let names: Vec<String> = match &self.process {
            Some(name) => vec![name.clone()],
            None => table().names().into_iter().map(str::to_owned).collect(),
        };
        let keys: Vec<_> = names
            .iter()
            .map(|name| process_key(name, &self.key))
            .collect();
        let found = documents.get_many(&keys).await;
        let found = found.context("the store could not be read")?;
        let mut found = found.iter().flatten();
        let Some(first) = found.next() else {
            bail!("there is no process of the key {}", printable(&self.key));
        };
        if found.next().is_some() {
            bail!(
                "several processes have the key {}: say which with --process",
                printable(&self.key)
            );
        }
        Ok(StoredProcess::from_document(first)?)
    }
}
