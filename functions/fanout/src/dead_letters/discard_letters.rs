//! `fanout dead-letters discard`

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use fanout_runtime::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use super::hold::Held;
use super::interrupt::Interrupt;
use super::selection::{Selection, by_reason, reasons_in_words};
use super::{Looking, THERE_ARE_MORE, letters_file};
use crate::answer::{WrongUse, counted, notice, verdict, write};
use crate::operator::Operator;

const EXAMPLES: &str = "Examples:
  fanout dead-letters discard --consumer email --id evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C
  fanout dead-letters discard --consumer email --reason undecodable --to dropped.jsonl
  fanout dead-letters discard --consumer email --all --yes          in a script

What is dropped is written to a file first: a line of JSON each, with the data in base64. The file holds
names and addresses, only you can read it, and it is never overwritten.

Exit code: 0 dropped (or there was nothing), 1 not, 2 wrong use.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    selection: Selection,
    /// The file to write them to; by default one in this folder, named by the time
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(super) looking: Looking,
}

#[derive(Serialize)]
struct Discarded<'a> {
    consumer: &'a str,
    discarded: usize,
    file: Option<PathBuf>,
    more: bool,
}

pub(super) async fn discard(
    operator: &Operator,
    args: &DiscardArgs,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    if !args.yes && !std::io::stdin().is_terminal() {
        let fault =
            "nobody can be asked here: look with `fanout dead-letters list`, then say --yes";
        return Err(WrongUse(fault.to_owned()).into());
    }
    let selected = args.selection.hold(operator, &args.looking, interrupt);
    let (held, missing) = selected.await?;
    let dropped = drop_held(operator, args, &held, interrupt).await;
    held.give_back_all().await;
    let discarded = Discarded {
        consumer: &args.selection.consumer,
        discarded: held.letters.len(),
        file: dropped?,
        more: held.more,
    };
    write(&discarded, args.looking.common.json, Discarded::to_text)?;
    missing.iter().for_each(|missing| notice(missing));
    Ok(verdict(missing.is_none()))
}

/// Asks, writes, and only then acks; answers the file, if there was anything to drop.
async fn drop_held(
    operator: &Operator,
    args: &DiscardArgs,
    held: &Held,
    interrupt: &Interrupt,
) -> anyhow::Result<Option<PathBuf>> {
    if held.letters.is_empty() {
        return Ok(None);
    }
    let consumer = &args.selection.consumer;
    if !args.yes {
        let count = counted(held.letters.len(), "dead letter");
        let reasons = reasons_in_words(&by_reason(&held.letters));
        let question = format!("Discard {count} of {consumer} ({reasons})? [y/N] ");
        let answer = interrupt.or(ask(question)).await??;
        ensure!(agreed(&answer), "nothing was discarded");
    }
    let default = || default_file(consumer, operator.clock.now());
    let path = args.to.clone().unwrap_or_else(default);
    interrupt.check()?;
    drop_into(&path, held).await?;
    Ok(Some(path))
}

/// Writes all letters that are held to this new file, and only then acks them.
pub(super) async fn drop_into(path: &Path, held: &Held) -> anyhow::Result<()> {
    letters_file::write(path, &held.letters)?;
    held.ack(&held.letters).await.with_context(|| {
        let path = path.display();
        format!("they are in {path}, and some or all of them still lie on the dead-letter topic")
    })
}

pub(super) fn default_file(consumer: &str, now: Timestamp) -> PathBuf {
    let time = now.format("%Y%m%dT%H%M%S%3fZ");
    PathBuf::from(format!("dead-letters-{consumer}-{time}.jsonl"))
}

/// Reads a line in a thread of its own: one that waits in the runtime would keep it from ending at
/// Ctrl-C.
#[allow(clippy::print_stderr, reason = "this is what the command has to say")]
async fn ask(question: String) -> anyhow::Result<String> {
    let (answered, answer) = oneshot::channel();
    std::thread::spawn(move || {
        eprint!("{question}");
        let _ = std::io::stderr().flush();
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        let _ = answered.send(read.map(|_| line));
    });
    Ok(answer.await??)
}

fn agreed(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

impl Discarded<'_> {
    fn to_text(&self) -> String {
        let Some(file) = &self.file else {
            return format!("{}: nothing to discard\n", self.consumer);
        };
        let count = counted(self.discarded, "dead letter");
        let (file, more) = (file.display(), if self.more { THERE_ARE_MORE } else { "" });
        format!(
            "{}: discarded {count}, kept in {file}\n{more}",
            self.consumer
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for yes in ["y\n", "yes\n", " YES \r\n"] {
            assert!(agreed(yes), "{yes:?}");
        }
        for no in ["", "\n", "n\n", "yep\n", "no\n"] {
            assert!(!agreed(no), "{no:?}");
        }
    }

    #[test]
    fn the_files_name_is_the_time() {
        let now = "2026-11-21T11:23:29.007Z".parse().unwrap();
        let path = default_file("email", now);
        assert_eq!(
            path.display().to_string(),
            "dead-letters-email-20261121T112329007Z.jsonl"
        );
    }
}
