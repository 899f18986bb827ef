//! What a command answers: its result on stdout, everything else on stderr, and an exit code.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

/// Something failed or was found.
pub const FAILED: ExitCode = ExitCode::FAILURE;
/// The exit code of wrong use, as clap has it.
const WRONG_USE: u8 = 2;

/// The command was used in a way that cannot work; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// The code that a command ends with that failed.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<WrongUse>() {
        ExitCode::from(WRONG_USE)
    } else {
        FAILED
    }
}

/// Writes a result as text. Whoever reads may have gone away (`| head`), which is no failure.
pub fn write_text(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a result as JSON.
pub fn write_json(result: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(result)?;
    text.push('\n');
    write_text(&text)
}

/// Tells the user something that is not the result.
#[allow(clippy::print_stderr, reason = "this is what the command has to say")]
pub fn notice(text: &str) {
    eprintln!("fanout: {text}");
}

/// Text of unknown origin for a terminal: without control characters, and no longer than a line.
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let shown = text.chars().take(LONGEST).map(|letter| match letter {
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    });
    let mut shown: String = shown.collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
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
