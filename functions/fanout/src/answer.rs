//! What a command answers: its result on stdout, everything else on stderr, and an exit code.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use clap::Args;
use fanout_runtime::{ProcessEnvironment, Timestamp};
use serde::Serialize;

use crate::operator::Operator;
use crate::target::{Target, TargetFlags};

/// The exit code of wrong use, as clap has it.
const WRONG_USE: u8 = 2;

/// How to answer, and of which system.
#[derive(Debug, Clone, Args)]
pub struct AnswerFlags {
    /// Answer in JSON
    #[arg(long, env = "FANOUT_JSON")]
    pub json: bool,
    /// Which system
    #[command(flatten)]
    pub target: TargetFlags,
}

impl AnswerFlags {
    /// Decides which system that is.
    pub(crate) fn find(&self) -> anyhow::Result<Target> {
        Target::from_flags(&self.target, &ProcessEnvironment)
    }

    /// The system, as its operator reaches it.
    pub(crate) fn connect(&self) -> anyhow::Result<Operator> {
        Operator::connect(&self.target, &ProcessEnvironment)
    }
}

/// The command was used in a way that cannot work; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// Does a command's work.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(work)
}

/// The code of a command that has done what it could: whether all is well.
pub fn verdict(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The code that a command ends with that failed.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<WrongUse>() {
        ExitCode::from(WRONG_USE)
    } else {
        ExitCode::FAILURE
    }
}

/// Writes a result as text. Whoever reads may have gone away (`| head`), which is no failure.
pub fn write_text(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a result, as JSON or as `text` tells it.
pub fn write<R: Serialize>(
    result: &R,
    json: bool,
    text: impl FnOnce(&R) -> String,
) -> anyhow::Result<()> {
    write_text(&if json {
        serde_json::to_string_pretty(result)? + "\n"
    } else {
        text(result)
    })
}

/// Tells the user something that is not the result.
#[allow(clippy::print_stderr, reason = "this is what the command has to say")]
pub fn notice(text: &str) {
    eprintln!("fanout: {text}");
}

/// Text of unknown origin for a terminal: nothing in it moves the cursor or looks like another line.
pub fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// The same, no longer than a line.
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => plain(&text[..end]) + "...",
        None => plain(text),
    }
}

/// What is known, a line each: its name, which takes so many characters, and what it is.
pub fn facts(width: usize, known: &[(&str, Option<&str>)]) -> String {
    let known = known.iter().filter_map(|(name, value)| {
        let value = printable((*value)?);
        Some(format!("  {name:<width$} {value}\n"))
    });
    known.collect()
}

/// `1 event`, `2 events`
pub fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// `2m 13s`
pub fn in_words(seconds: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

/// How long ago that was; never negative: clocks differ.
pub fn seconds_since(time: Timestamp, now: Timestamp) -> u64 {
    (now - time).to_std().unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_move_the_cursor() {
        assert_eq!(
            printable("a\u{1b}[2Jb\r\nc"),
            "a\u{fffd}[2Jb\u{fffd}\u{fffd}c"
        );
        assert_eq!(printable(&"x".repeat(300)).len(), 203);
    }

    #[test]
    fn wrong_use_is_code_2_and_a_failure_code_1() {
        let wrong = anyhow::Error::new(WrongUse("no".to_owned()));
        assert_eq!(exit_code(&wrong), ExitCode::from(2));
        assert_eq!(exit_code(&anyhow::anyhow!("no")), ExitCode::from(1));
    }
}
