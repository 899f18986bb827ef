//! `fanout dead-letters discard`

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use fanout_runtime::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use super::hold::{Held, hold};
use super::interrupt::{Interrupt, Interrupted};
use super::letter::DeadLetter;
use super::list_letters::letters;
use super::selection::{Selection, reasons_in_words};
use super::{Looking, consumer_named, consumer_names, letters_file};
use crate::answer::{FAILED, WrongUse, notice, write_json, write_text};
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
    /// Whose
    #[arg(long, value_parser = consumer_names())]
    consumer: String,
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
struct Discarded {
    consumer: String,
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
    let consumer = consumer_named(&args.consumer)?;
    let limit = args.looking.limit();
    let meant = |letter: &DeadLetter| args.selection.takes(letter);
    let held = hold(&operator.pubsub, consumer, limit, interrupt, meant).await?;
    let missing = args.selection.missing(&held.letters);
    let discarded = drop_held(operator, args, &held, interrupt).await;
    held.give_back_all().await;
    let discarded = discarded?;
    if args.looking.json {
        write_json(&discarded)?;
    } else {
        write_text(&discarded.to_text())?;
    }
    match missing {
        Some(missing) => {
            notice(&missing);
            Ok(FAILED)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Asks, writes, and only then acks.
async fn drop_held(
    operator: &Operator,
    args: &DiscardArgs,
    held: &Held,
    interrupt: &Interrupt,
) -> anyhow::Result<Discarded> {
    let mut discarded = Discarded {
        consumer: args.consumer.clone(),
        discarded: 0,
        file: None,
        more: held.more,
    };
    if held.letters.is_empty() {
        return Ok(discarded);
    }
    if !args.yes {
        let count = letters(held.letters.len());
        let reasons = reasons_in_words(&held.letters);
        let question = format!("Discard {count} of {} ({reasons})? [y/N] ", args.consumer);
        if !agreed(&interrupt.or(ask(question)).await??) {
            bail!("nothing was discarded");
        }
    }
    let default = || default_file(&args.consumer, operator.clock.now());
    let path = args.to.clone().unwrap_or_else(default);
    if interrupt.is_requested() {
        return Err(Interrupted.into());
    }
    letters_file::write(&path, &held.letters)?;
    held.ack(&held.letters).await.with_context(|| {
        let path = path.display();
        format!("they are in {path}, and some or all of them still lie on the dead-letter topic")
    })?;
    discarded.discarded = held.letters.len();
    discarded.file = Some(path);
    Ok(discarded)
}

fn default_file(consumer: &str, now: Timestamp) -> PathBuf {
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

impl Discarded {
    fn to_text(&self) -> String {
        let Some(file) = &self.file else {
            return format!("{}: nothing to discard\n", self.consumer);
        };
        let more = if self.more {
            "there are more: do it again for those\n"
        } else {
            ""
        };
        let count = letters(self.discarded);
        format!(
            "{}: discarded {count}, kept in {}\n{more}",
            self.consumer,
            file.display()
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
