//! `fanout dead-letters redrive`
//!
//! Each letter is pushed to its one consumer, never published: on the topic every consumer would get
//! it again. What was answered and not acked is a duplicate the next time.
//!
//! All letters are held before the first push. A copy that a consumer parks meanwhile is none of
//! them, so a redrive never chases its own tail.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::hold::Held;
use super::interrupt::Interrupt;
use super::outcomes::Outcomes;
use super::pace::Rate;
use super::push_all::push_all;
use super::push_to_consumer::ConsumerEndpoint;
use super::selection::{Selection, by_reason};
use super::{Looking, THERE_ARE_MORE, consumer_named};
use crate::answer::{counted, notice, printable, verdict, write};
use crate::operator::Operator;

const EXAMPLES: &str = "Examples:
  fanout dead-letters redrive --consumer email --all --dry-run
  fanout dead-letters redrive --consumer email --reason attempts_exhausted
  fanout dead-letters redrive --consumer crm --id evt_01JD2V7Q4M8T9W3X5Y6Z7A8B9C
  fanout dead-letters redrive --consumer email --all --rate 2 --project my-project

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
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    rate: Rate,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) looking: Looking,
}

#[derive(Serialize)]
struct Summary<'a> {
    consumer: &'a str,
    selected: usize,
    more: bool,
    #[serde(flatten)]
    outcomes: Outcomes,
}

pub(super) async fn redrive(
    operator: &Operator,
    args: &RedriveArgs,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let consumer = consumer_named(&args.selection.consumer)?;
    let endpoint = ConsumerEndpoint::of(operator, consumer).await?;
    let selected = args.selection.hold(operator, &args.looking, interrupt);
    let (held, missing) = selected.await?;
    let well = if args.dry_run {
        held.give_back_all().await;
        write_plan(args, &held, endpoint.url.as_str())?;
        true
    } else {
        let mut outcomes = Outcomes::default();
        let pushed = push_all(&held, endpoint, args.rate, &mut outcomes, interrupt).await;
        held.give_back_all().await;
        let summary = Summary {
            consumer: consumer.consumer,
            selected: held.letters.len(),
            more: held.more,
            outcomes,
        };
        write(&summary, args.looking.common.json, Summary::to_text)?;
        pushed?;
        summary.outcomes.all_is_well()
    };
    missing.iter().for_each(|missing| notice(missing));
    Ok(verdict(well && missing.is_none()))
}

impl Summary<'_> {
    fn to_text(&self) -> String {
        let letters = counted(self.selected, "dead letter");
        let outcomes = self.outcomes.to_text();
        let more = if self.more { THERE_ARE_MORE } else { "" };
        format!("{}: {letters} to redrive\n{outcomes}{more}", self.consumer)
    }
}

fn write_plan(args: &RedriveArgs, held: &Held, url: &str) -> anyhow::Result<()> {
    let (consumer, selected) = (&args.selection.consumer, held.letters.len());
    let reasons = by_reason(&held.letters);
    let plan = json!({
        "consumer": consumer,
        "dry_run": true,
        "endpoint": url,
        "selected": selected,
        "looked_at": held.looked_at,
        "more": held.more,
        "reasons": reasons,
    });
    write(&plan, args.looking.common.json, |_| {
        let of = counted(held.looked_at, "dead letter");
        let mut text = format!("{consumer}: would redrive {selected} of {of} to {url}\n");
        for (reason, count) in reasons {
            text += &format!("  {:<22} {count:>5}\n", printable(reason));
        }
        text + if held.more { THERE_ARE_MORE } else { "" }
    })
}
