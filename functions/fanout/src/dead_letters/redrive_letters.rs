//! `fanout dead-letters redrive`
//!
//! Each letter is pushed to its one consumer, never published: on the topic every consumer would get
//! it again. It is acked only after the consumer's answer, so a redrive can be stopped anywhere and
//! repeated: what was answered and not acked is a duplicate the next time.
//!
//! All letters are held before the first push. A copy that a consumer parks meanwhile is none of
//! them, so a redrive never chases its own tail.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::hold::{Held, hold};
use super::interrupt::Interrupt;
use super::letter::DeadLetter;
use super::list_letters::letters;
use super::pace::Rate;
use super::push_all::push_all;
use super::push_to_consumer::ConsumerEndpoint;
use super::redrive_summary::Summary;
use super::selection::{Selection, by_reason};
use super::{Looking, consumer_named, consumer_names};
use crate::answer::{FAILED, notice, printable, write_json, write_text};
use crate::operator::Operator;

const EXAMPLES: &str = "Examples:
  fanout dead-letters redrive --consumer email --all --dry-run
  fanout dead-letters redrive --consumer email --reason attempts_exhausted
  fanout dead-letters redrive --consumer crm --id evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C
  fanout dead-letters redrive --consumer email --all --rate 90/m --project my-project

Each letter is pushed to that one consumer as its subscription would push it; no other consumer gets it.
Several are under way at once, up to the rate, but of one subject one at a time, the oldest first.
It leaves the dead-letter topic only after the consumer has answered for it. Stopping at any point and
repeating are safe: an event that has taken effect is a duplicate the next time.

An event is known by its own id. One without (typed by hand, or unreadable) goes by its message's id: a
parked copy remembers the original's. Pub/Sub's own forwarding (attempts_exhausted) does not tell it, and
such an event goes by the copy's, the same at every redrive. So if an earlier delivery of it took effect
and only the answer was lost, a redrive makes that effect once more.

Exit code: 0 all are dealt with, 1 some are left (failing, busy, parked again) or something failed,
2 wrong use.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RedriveArgs {
    /// Whose
    #[arg(long, value_parser = consumer_names())]
    consumer: String,
    #[command(flatten)]
    selection: Selection,
    /// How many to push in a second (10/s) or a minute (90/m), at most
    #[arg(long, env = "FANOUT_RATE", default_value = "10/s")]
    rate: Rate,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) looking: Looking,
}

pub(super) async fn redrive(
    operator: &Operator,
    args: &RedriveArgs,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let consumer = consumer_named(&args.consumer)?;
    let endpoint = ConsumerEndpoint::of(operator, consumer).await?;
    let limit = args.looking.limit();
    let meant = |letter: &DeadLetter| args.selection.takes(letter);
    let held = hold(&operator.pubsub, consumer, limit, interrupt, meant).await?;
    let missing = args.selection.missing(&held.letters);
    if args.dry_run {
        held.give_back_all().await;
        write_plan(args, &held, endpoint.url())?;
    } else {
        let mut summary = Summary {
            consumer: args.consumer.clone(),
            selected: held.letters.len(),
            not_redriven: held.letters.len(),
            more: held.more,
            ..Summary::default()
        };
        let pushed = push_all(&held, endpoint, args.rate, &mut summary, interrupt).await;
        held.give_back_all().await;
        if args.looking.json {
            write_json(&summary)?;
        } else {
            write_text(&summary.to_text())?;
        }
        pushed?;
        if !summary.all_is_well() {
            return Ok(FAILED);
        }
    }
    match missing {
        Some(missing) => {
            notice(&missing);
            Ok(FAILED)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

fn write_plan(args: &RedriveArgs, held: &Held, url: &str) -> anyhow::Result<()> {
    let reasons = by_reason(&held.letters);
    let selected = held.letters.len();
    if args.looking.json {
        return write_json(&json!({
            "consumer": args.consumer,
            "dry_run": true,
            "endpoint": url,
            "selected": selected,
            "looked_at": held.looked_at,
            "more": held.more,
            "reasons": reasons,
        }));
    }
    let of = letters(held.looked_at);
    let mut text = format!(
        "{}: would redrive {selected} of {of} to {url}\n",
        args.consumer
    );
    for (reason, count) in reasons {
        text.push_str(&format!("  {:<22} {count:>5}\n", printable(&reason)));
    }
    if held.more {
        text.push_str("  there are more: do it again for those\n");
    }
    write_text(&text)
}
