//! `fanout dead-letters list`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use fanout_runtime::{Timestamp, serialize_rfc3339};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::hold::hold;
use super::interrupt::Interrupt;
use super::letter::{Letter, LetterName};
use super::{Looking, consumer_names, consumers_of};
use crate::answer::{FAILED, printable, write_json, write_text};
use crate::operator::Operator;

const EXAMPLES: &str = "Examples:
  fanout dead-letters list                              all consumers, on this machine
  fanout dead-letters list --consumer email --json
  fanout dead-letters list --project my-project         in Google Cloud

Letters are counted by reason, and within a reason by fingerprint: copies of one event have the same.
Nothing is acked: what is looked at is given back at once. What another command holds at this moment
is not seen.

Exit code: 0 there are none, 1 there are some (or something failed), 2 wrong use.";

/// How many events are named as examples of a fingerprint.
const EXAMPLES_SHOWN: usize = 3;
/// How many fingerprints of a reason the text shows.
const EVENTS_SHOWN: usize = 10;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ListArgs {
    /// One consumer; by default all
    #[arg(long, env = "FANOUT_CONSUMER", value_parser = consumer_names())]
    consumer: Option<String>,
    /// Show what is in them too: names and addresses
    #[arg(long)]
    show_payload: bool,
    #[command(flatten)]
    pub(super) looking: Looking,
}

#[derive(Serialize)]
struct Listing {
    consumers: Vec<OfConsumer>,
}

#[derive(Serialize)]
struct OfConsumer {
    consumer: &'static str,
    count: usize,
    /// There are more than were looked at.
    more: bool,
    #[serde(serialize_with = "rfc3339_or_null")]
    oldest: Option<Timestamp>,
    reasons: Vec<OfReason>,
}

#[derive(Serialize)]
struct OfReason {
    reason: String,
    count: usize,
    events: Vec<OfFingerprint>,
}

/// Copies of one event.
#[derive(Serialize)]
struct OfFingerprint {
    fingerprint: String,
    count: usize,
    event_type: Option<String>,
    examples: Vec<LetterName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

fn rfc3339_or_null<S: Serializer>(time: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize_rfc3339(time, out),
        None => out.serialize_none(),
    }
}

pub(super) async fn list(
    operator: &Operator,
    args: &ListArgs,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let mut listing = Listing {
        consumers: Vec::new(),
    };
    for consumer in consumers_of(args.consumer.as_deref())? {
        let limit = args.looking.limit();
        let held = hold(&operator.pubsub, consumer, limit, interrupt).await?;
        held.give_back_all().await;
        listing.consumers.push(OfConsumer {
            consumer: consumer.name,
            count: held.letters.len(),
            more: held.more,
            oldest: held
                .letters
                .first()
                .map(|letter| letter.message.publish_time),
            reasons: grouped(&held.letters, args.show_payload),
        });
    }
    if args.looking.json {
        write_json(&listing)?;
    } else {
        write_text(&listing.to_text(operator.clock.now()))?;
    }
    let none = listing.consumers.iter().all(|of| of.count == 0);
    Ok(if none { ExitCode::SUCCESS } else { FAILED })
}

/// By reason and fingerprint, the largest groups first.
fn grouped(letters: &[Letter], show_payload: bool) -> Vec<OfReason> {
    let mut reasons: BTreeMap<&str, BTreeMap<&str, Vec<&Letter>>> = BTreeMap::new();
    for letter in letters {
        let events = reasons.entry(&letter.reason).or_default();
        events.entry(&letter.fingerprint).or_default().push(letter);
    }
    let reasons = reasons.into_iter().map(|(reason, events)| {
        let events = events
            .into_iter()
            .map(|(fingerprint, copies)| OfFingerprint {
                fingerprint: fingerprint.to_owned(),
                count: copies.len(),
                event_type: copies.first().and_then(|copy| copy.event_type.clone()),
                examples: copies
                    .iter()
                    .take(EXAMPLES_SHOWN)
                    .map(|copy| copy.name())
                    .collect(),
                payload: copies
                    .first()
                    .filter(|_| show_payload)
                    .map(|copy| copy.payload()),
            });
        let mut events: Vec<_> = events.collect();
        let oldest = |event: &OfFingerprint| event.examples.first().map(|name| name.parked_at);
        events.sort_by_key(|event| (usize::MAX - event.count, oldest(event)));
        OfReason {
            reason: reason.to_owned(),
            count: events.iter().map(|event| event.count).sum(),
            events,
        }
    });
    let mut reasons: Vec<_> = reasons.collect();
    reasons.sort_by_key(|reason| usize::MAX - reason.count);
    reasons
}

impl Listing {
    fn to_text(&self, now: Timestamp) -> String {
        let consumers = self.consumers.iter();
        consumers.map(|of| of.to_text(now)).collect()
    }
}

impl OfConsumer {
    fn to_text(&self, now: Timestamp) -> String {
        let Some(oldest) = self.oldest else {
            return format!("{}: no dead letters\n", self.consumer);
        };
        let mut text = format!("{}: {}, ", self.consumer, letters(self.count));
        let _ = writeln!(text, "the oldest {} old", age(oldest, now));
        for reason in &self.reasons {
            let _ = writeln!(
                text,
                "  {:<22} {:>5}",
                printable(&reason.reason),
                reason.count
            );
            for event in reason.events.iter().take(EVENTS_SHOWN) {
                event.write(&mut text);
            }
            let hidden = reason.events.len().saturating_sub(EVENTS_SHOWN);
            if hidden > 0 {
                let _ = writeln!(text, "    and {hidden} more events: --json shows them all");
            }
        }
        if self.more {
            text.push_str("  and more than these: --limit says how many to look at\n");
        }
        text
    }
}

impl OfFingerprint {
    fn write(&self, text: &mut String) {
        let event_type = self.event_type.as_deref().unwrap_or("-");
        let fingerprint = self.fingerprint.get(..12).unwrap_or_default();
        let mut examples: Vec<String> = Vec::new();
        for name in &self.examples {
            let id = printable(&name.event_id);
            if !examples.contains(&id) {
                examples.push(id);
            }
        }
        let _ = writeln!(
            text,
            "    {fingerprint:<20} {:>5}  {}  {}",
            self.count,
            printable(event_type),
            examples.join(", ")
        );
        if let Some(payload) = &self.payload {
            let _ = writeln!(text, "      {}", printable(&payload.to_string()));
        }
    }
}

/// `1 dead letter`, `2 dead letters`
pub(super) fn letters(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} dead letter{plural}")
}

/// `2m 13s`; to the second, and never negative: clocks differ.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    let age = (now - since).to_std().unwrap_or_default();
    let seconds = std::time::Duration::from_secs(age.as_secs());
    humantime::format_duration(seconds).to_string()
}
