//! `fanout status`: on one screen what waits, what failed and what is blocked. Changes nothing.

mod backlog;
mod look;
mod text;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::Args;
use fanout_runtime::Shutdown;

use crate::answer::{AnswerFlags, block_on, verdict, write};

const EXAMPLES: &str = "Examples:
  fanout status                             the system on this machine
  fanout status --project my-project        in Google Cloud
  watch -n 5 fanout status                  again and again

It shows the events that wait in the outbox, what each consumer has not taken yet, and its dead letters
by reason. It reads the store (on one machine the data directory, whether `fanout up` runs or not), Pub/Sub
and, in Google Cloud, Cloud Monitoring, whose numbers are some minutes old. What cannot be read is
`unknown`, with the reason.

Wrong is: an event that waits for more than a minute, or that the bus refuses; a message that a consumer
has not taken for more than 5 minutes; a dead letter; a store or a bus that does not answer; a backlog that
Cloud Monitoring does not tell.

Exit code: 0 nothing is wrong, 1 something is, 2 wrong use.";

/// The flags of `fanout status`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusFlags {
    #[command(flatten)]
    common: AnswerFlags,
}

/// Looks, and says what is wrong.
pub fn run(flags: &StatusFlags) -> anyhow::Result<ExitCode> {
    let (target, operator) = (flags.common.find()?, flags.common.connect()?);
    let line = flags.common.target.in_a_line();
    let status = block_on(async {
        let shutdown = Shutdown::on_signal();
        Ok(look::look(&target, &operator, &line, &shutdown).await)
    })?;
    write(&status, flags.common.json, text::of)?;
    Ok(verdict(status.wrong.is_empty()))
}
