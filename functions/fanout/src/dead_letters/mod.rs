//! `fanout dead-letters`: what will never work or kept failing, seen and dealt with by a person.
//!
//! Every subcommand begins by holding letters: it pulls them, so that no other command gets them, and
//! keeps their leases alive. What it is done with is acked; everything else is given back. If it
//! dies in between, the leases end by themselves within half a minute, and nothing has changed.

pub(crate) mod chosen;
mod discard_letters;
mod hold;
mod interrupt;
mod letter;
mod letters_file;
mod list_letters;
mod outcomes;
mod pace;
mod push_all;
mod push_to_consumer;
mod redrive_letters;
mod selection;
mod show_letter;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use fanout_kernel::Subscriber;
use fanout_runtime::Shutdown;

use crate::answer::{AnswerFlags, block_on};
use crate::operator::Operator;
pub(crate) use interrupt::{Interrupt, Interrupted};
use letter::DeadLetter;
pub(crate) use outcomes::{Outcome, Outcomes};
pub(crate) use pace::{Pace, Rate};
pub(crate) use push_to_consumer::{ConsumerEndpoint, Pushed};
pub(crate) use selection::reasons_in_words;

const EXAMPLES: &str = "Examples:
  fanout dead-letters list                               what lies there, by reason
  fanout dead-letters redrive --consumer email --all     deliver it to that consumer again

Each subcommand has its own --help.";

/// The line of an answer about some of the letters.
const THERE_ARE_MORE: &str = "  there are more: do it again for those\n";

/// The flags of `fanout dead-letters`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DeadLettersArgs {
    /// What to do with them
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// Count them by reason and event; changes nothing
    #[command(after_help = list_letters::EXAMPLES)]
    List(LookingAt),
    /// Show one with everything that is known of it; changes nothing
    Show(show_letter::ShowArgs),
    /// Deliver them again to the one consumer that they belong to
    Redrive(redrive_letters::RedriveArgs),
    /// Write them to a file and drop them
    Discard(discard_letters::DiscardArgs),
}

#[derive(Debug, Args)]
struct Looking {
    /// How many dead letters of a consumer to look at, at most; by default all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    common: AnswerFlags,
}

/// Where letters are looked at that nothing is done with, and how.
#[derive(Debug, Args)]
struct LookingAt {
    /// One consumer; by default all
    #[arg(long, env = "FANOUT_CONSUMER", value_parser = consumer_names())]
    consumer: Option<String>,
    /// Show what is in them too: names and addresses
    #[arg(long)]
    show_payload: bool,
    #[command(flatten)]
    looking: Looking,
}

impl Looking {
    fn limit(&self) -> usize {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        limit.unwrap_or(usize::MAX)
    }
}

/// Carries the subcommand out, until Ctrl-C or SIGTERM.
pub fn run(args: &DeadLettersArgs) -> anyhow::Result<ExitCode> {
    use DeadLettersCommand::{Discard, List, Redrive, Show};
    let on = |looking: &Looking| looking.common.connect();
    block_on(async {
        let interrupt = Interrupt::new(Shutdown::on_signal());
        match &args.command {
            List(at) => list_letters::list(&on(&at.looking)?, at, &interrupt).await,
            Show(args) => show_letter::show(&on(&args.at.looking)?, args, &interrupt).await,
            Redrive(args) => redrive_letters::redrive(&on(&args.looking)?, args, &interrupt).await,
            Discard(args) => discard_letters::discard(&on(&args.looking)?, args, &interrupt).await,
        }
    })
}

/// How many dead letters a consumer has by reason. Changes nothing.
pub(crate) async fn count_by_reason(
    operator: &Operator,
    consumer: &Subscriber,
    shutdown: &Shutdown,
) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut reasons = BTreeMap::new();
    let count = |letter: &DeadLetter| {
        *reasons.entry(letter.reason.clone()).or_default() += 1;
        false
    };
    let interrupt = Interrupt::new(shutdown.clone());
    let held = hold::hold(&operator.pubsub, consumer, usize::MAX, &interrupt, count).await?;
    ensure!(!held.more, "there are more than fit into memory");
    Ok(reasons)
}

pub(crate) fn consumer_names() -> PossibleValuesParser {
    PossibleValuesParser::new(system::consumers().map(|it| it.consumer))
}

pub(crate) fn consumer_named(name: &str) -> anyhow::Result<&'static Subscriber> {
    system::consumer(name).ok_or_else(|| anyhow!("there is no consumer `{name}`"))
}

async fn consumers_of(
    operator: &Operator,
    name: Option<&str>,
) -> anyhow::Result<Vec<&'static Subscriber>> {
    match name {
        Some(name) => Ok(vec![consumer_named(name)?]),
        None => {
            let live = operator.consumers().await?;
            Ok(live.iter().map(|it| it.subscriber).collect())
        }
    }
}
