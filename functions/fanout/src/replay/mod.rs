//! `fanout replay`: stored events, pushed to one consumer as they were published.
//!
//! One event is under way at a time, in the order in which they were recorded, so of each subject the
//! oldest comes first. The consumer's marks stand: what has taken effect is a duplicate.

mod replay_events;

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use fanout_runtime::{Shutdown, Timestamp};

use crate::answer::{AnswerFlags, block_on, notice, verdict, write};
use crate::dead_letters::{ConsumerEndpoint, Interrupt, Rate, consumer_named, consumer_names};
use crate::target::quoted;
use replay_events::{Replay, Summary};

const EXAMPLES: &str = "Examples:
  fanout replay --consumer crm --from 2026-11-20 --to 2026-11-21 --dry-run
  fanout replay --consumer crm --from 2026-11-20T12:00:00Z --to 2026-11-20T13:00:00Z --type user.updated
  fanout replay --consumer email --from 2026-11-20 --to 2026-11-21 --subject usr_01JD2V7Q4K --rate 2
  fanout replay --consumer crm --from 2026-11-20 --to 2026-11-21 --project my-project

It pushes events from the event store to that one consumer, byte for byte as they were published; no
other consumer gets them. Marks stand: what has taken effect is a duplicate, so a replay fills gaps and
never doubles; but a mail that was parked as outcome_unknown is sent once more. An event older than 44 days is left out and counted, since marks live for 45; so is one
that waits in the outbox, or was skipped. Ctrl-C ends it with the line that goes on; repeating is safe.

Times are RFC 3339, or a date for its beginning in UTC. From is inclusive, to is not.

Exit code: 0 all were dealt with, 1 some failed, were busy or parked, or it was interrupted, 2 wrong use.";

/// The flags of `fanout replay`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayFlags {
    /// Whom to push to
    #[arg(long, value_parser = consumer_names())]
    consumer: String,
    /// Events recorded at this time or later
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Timestamp,
    /// Events recorded before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Timestamp,
    /// Events of this type only
    #[arg(long = "type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    event_type: Option<String>,
    /// Events about this subject only
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    subject: Option<String>,
    /// Go on here, as an interrupted replay has said
    #[arg(long, value_name = "TIME", value_parser = time)]
    cursor: Option<Timestamp>,
    /// How fast
    #[command(flatten)]
    rate: Rate,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: AnswerFlags,
}

fn time(text: &str) -> Result<Timestamp, &'static str> {
    let of_day = format!("{text}T00:00:00Z");
    let parsed = text.parse().or_else(|_| of_day.parse());
    parsed.map_err(|_| "write it as 2026-11-20T12:00:00Z or 2026-11-20")
}

/// Replays until all is done, or Ctrl-C.
pub fn run(flags: &ReplayFlags) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (target, operator) = (flags.common.find()?, flags.common.connect()?);
        let consumer = consumer_named(&flags.consumer)?;
        let endpoint = ConsumerEndpoint::of(&operator, consumer).await?;
        let documents = target.documents().await?;
        let mut summary = Summary {
            consumer: consumer.consumer,
            endpoint: endpoint.url.to_string(),
            dry_run: flags.dry_run,
            ..Summary::default()
        };
        let subscription = consumer.first_subscription();
        let replay = Replay {
            flags,
            documents: documents.as_ref(),
            subscription: operator.pubsub.subscription_path(&subscription),
            endpoint,
            now: operator.clock.now(),
            interrupt: Interrupt::new(Shutdown::on_signal()),
        };
        let ended = replay.run(&mut summary).await;
        write(&summary, flags.common.json, Summary::to_text)?;
        if let Some(cursor) = &summary.cursor {
            notice(&format!("to go on: {}", flags.line_from(cursor)));
        }
        ended?;
        Ok(verdict(summary.all_is_well()))
    })
}

impl ReplayFlags {
    /// The command that goes on at a cursor.
    fn line_from(&self, cursor: &str) -> String {
        let target = &self.common.target;
        let mut line = format!(
            "fanout replay --consumer {} --from {} --to {} --cursor {cursor} --rate {}",
            self.consumer,
            shown(self.from),
            shown(self.to),
            self.rate.per_second
        );
        let options = [
            ("--type", &self.event_type),
            ("--subject", &self.subject),
            ("--data-dir", &Some(target.data_dir.display().to_string())),
        ];
        for (flag, value) in options {
            if let Some(value) = value {
                line += &format!(" {flag} {}", quoted(value));
            }
        }
        line += &target.in_a_line();
        if self.dry_run {
            line += " --dry-run";
        }
        line
    }
}

/// RFC 3339, to the last digit.
fn shown(time: Timestamp) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clap::Parser;
    use fanout_runtime::SystemClock;
    use fanout_store_sqlite::{Database, SqliteDocuments};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        flags: ReplayFlags,
    }

    fn flags(more: &[&str]) -> ReplayFlags {
        let asked = [
            "fanout",
            "--consumer",
            "crm",
            "--from",
            "2026-11-20",
            "--to",
            "2026-11-21",
        ];
        Cli::parse_from(asked.iter().chain(more)).flags
    }

    #[test]
    fn the_line_that_goes_on_does_what_was_asked_for_and_no_more() {
        let line = |more: &[&str]| flags(more).line_from("2026-11-20T12:00:00Z");
        let pushing = line(&["--project", "p1"]);
        insta::assert_snapshot!(pushing, @"fanout replay --consumer crm --from 2026-11-20T00:00:00Z --to 2026-11-21T00:00:00Z --cursor 2026-11-20T12:00:00Z --rate 10 --data-dir '.fanout' --project 'p1' --database '(default)'");
        assert_eq!(
            line(&["--project", "p1", "--dry-run"]),
            format!("{pushing} --dry-run")
        );
    }

    #[tokio::test]
    async fn a_dry_run_ends_at_ctrl_c_too() {
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
        let (documents, shutdown) = (documents.unwrap(), Shutdown::default());
        let flags = flags(&["--dry-run"]);
        let replay = Replay {
            flags: &flags,
            documents: &documents,
            subscription: String::new(),
            endpoint: ConsumerEndpoint::nowhere(),
            now: "2026-11-20T12:00:00Z".parse().unwrap(),
            interrupt: Interrupt::new(shutdown.clone()),
        };
        let mut summary = Summary::default();
        assert!(replay.run(&mut summary).await.is_ok());
        shutdown.start();
        let ended = replay.run(&mut summary).await.unwrap_err();
        assert_eq!(ended.to_string(), "interrupted");
        // Though nothing was read.
        assert_eq!(summary.cursor, Some(shown(flags.from)));
    }
}
