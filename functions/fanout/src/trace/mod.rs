//! `fanout trace`: what became of an event, from what the store remembers. Reads only.

mod find;
mod life;
mod text;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use fanout_runtime::{Clock, SystemClock};
use fanout_store::Documents;

use crate::answer::{AnswerFlags, block_on, notice, verdict, write};
pub(crate) use find::{Question, Trace, find};
pub(crate) use life::{ConsumerLife, Life, Publication, State, shown};

const EXAMPLES: &str = "Examples:
  fanout trace evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C
  fanout trace --user usr_01JD2V7Q4KA1B2C3D4E5F6G7H8 --json
  fanout trace --order ord_01JD2V7Q4KA1B2C3D4E5F6G7H8
  fanout trace --correlation req_01JD2V7Q4JA1B2C3D4E5F6G7H8 --project my-project

Exit codes: 0 if something is known, 1 if nothing is, 2 if the command was used wrongly.

It reads what the store remembers: marks (45 days), events (90 days once published) and users.
It shows ids, times, outcomes and reasons; no address and no name. On one machine it reads the data
directory, whether `fanout up` runs or not. Marks that were made before they kept the subject and the
request are found by the event's id only.";

/// The flags of `fanout trace`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct TraceFlags {
    /// What to look up
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    common: AnswerFlags,
}

/// What to look up: exactly one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Asked {
    /// The life of one event, and what it caused
    #[arg(value_name = "EVENT_ID", value_parser = NonEmptyStringValueParser::new())]
    pub event: Option<String>,
    /// All events about this user
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub user: Option<String>,
    /// All events about this order, about its process, and whatever those led to
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub order: Option<String>,
    /// Everything that one request led to: its `X-Request-Id`, or the trace id of its `traceparent`
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub correlation: Option<String>,
}

/// Looks it up, and says what is known.
pub fn run(flags: &TraceFlags) -> anyhow::Result<ExitCode> {
    let target = flags.common.find()?;
    let trace = block_on(async {
        let documents = target.documents().await?;
        look_up(documents.as_ref(), &SystemClock, &flags.asked).await
    })?;
    write(&trace, flags.common.json, text::of)?;
    if trace.is_empty() {
        notice(&text::nothing(&trace, &target));
    }
    Ok(verdict(!trace.is_empty()))
}

async fn look_up(
    documents: &dyn Documents,
    clock: &dyn Clock,
    asked: &Asked,
) -> anyhow::Result<Trace> {
    let Asked {
        event,
        user,
        order,
        correlation,
    } = asked.clone();
    let questions = [
        event.map(Question::Event),
        user.map(Question::User),
        order.map(Question::Order),
        correlation.map(Question::Correlation),
    ];
    let question = questions.into_iter().flatten().next();
    let question = question.context("name an event, or use --user, --order or --correlation")?;
    let trace = find(documents, clock, question).await;
    trace.context("the store could not be read")
}
