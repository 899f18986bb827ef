//! `fanout dead-letters list`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use fanout_runtime::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::hold::hold;
use super::interrupt::Interrupt;
use super::letter::{DeadLetter, LetterName};
use super::{LookingAt, consumers_of};
use crate::answer::{counted, in_words, printable, seconds_since, verdict, write};
use crate::operator::Operator;
use crate::trace::shown;

pub(super) const EXAMPLES: &str = "Examples:
  fanout dead-letters list                              all consumers, on this machine
  fanout dead-letters list --consumer email --json
  fanout dead-letters list --project my-project         in Google Cloud

Letters are counted by reason, and within a reason by fingerprint: copies of one event have the same.
Nothing is acked: what is looked at is given back as soon as all has been counted. What another command holds at this moment
is not seen.

Exit code: 0 there are none, 1 there are some (or something failed), 2 wrong use.";

/// How many events are named as examples of a fingerprint.
const EXAMPLES_SHOWN: usize = 3;
/// How many fingerprints of a reason the text shows.
const EVENTS_SHOWN: usize = 10;

#[derive(Serialize)]
pub(super) struct Listing {
    pub(super) consumers: Vec<OfConsumer>,
}

#[derive(Serialize)]
pub(super) struct OfConsumer {
    consumer: &'static str,
    pub(super) count: usize,
    pub(super) more: bool,
    pub(super) oldest: Option<String>,
    pub(super) reasons: Vec<OfReason>,
}

#[derive(Serialize)]
pub(super) struct OfReason {
    pub(super) reason: String,
    pub(super) count: usize,
    events: Vec<OfFingerprint>,
}

/// Copies of one event.
#[derive(Serialize)]
pub(super) struct OfFingerprint {
    fingerprint: String,
    count: usize,
    event_type: Option<String>,
    /// The oldest.
    examples: Vec<LetterName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Value>,
}

pub(super) async fn list(
    operator: &Operator,
    at: &LookingAt,
    interrupt: &Interrupt,
) -> anyhow::Result<ExitCode> {
    let listing = look(operator, at, interrupt).await?;
    let (now, consumers) = (operator.clock.now(), &listing.consumers);
    write(&listing, at.looking.common.json, |_| {
        consumers.iter().map(|of| of.to_text(now)).collect()
    })?;
    Ok(verdict(consumers.iter().all(|of| of.count == 0)))
}

pub(super) async fn look(
    operator: &Operator,
    at: &LookingAt,
    interrupt: &Interrupt,
) -> anyhow::Result<Listing> {
    let mut consumers = Vec::new();
    for consumer in consumers_of(operator, at.consumer.as_deref()).await? {
        let limit = at.looking.limit();
        let mut groups = Groups::default();
        // What was counted is not kept: there may be any number of them.
        let count = |letter: &DeadLetter| {
            groups.add(letter, at.show_payload);
            false
        };
        let held = hold(&operator.pubsub, consumer, limit, interrupt, count).await?;
        let reasons = groups.largest_first();
        consumers.push(OfConsumer {
            consumer: consumer.consumer,
            count: held.looked_at,
            more: held.more,
            oldest: oldest(&reasons).map(shown),
            reasons,
        });
    }
    Ok(Listing { consumers })
}

/// When the oldest letter came: each event has its own among the examples.
fn oldest(reasons: &[OfReason]) -> Option<Timestamp> {
    let events = reasons.iter().flat_map(|reason| &reason.events);
    let oldest = events.filter_map(|event| event.examples.first());
    oldest.map(|name| name.parked_at).min()
}

/// By reason and fingerprint.
#[derive(Default)]
struct Groups(BTreeMap<String, BTreeMap<String, OfFingerprint>>);

impl Groups {
    fn add(&mut self, letter: &DeadLetter, show_payload: bool) {
        let name = letter.name();
        let events = self.0.entry(letter.reason.clone()).or_default();
        let fingerprint = letter.fingerprint.clone();
        let copies = events.entry(fingerprint).or_insert_with(|| OfFingerprint {
            fingerprint: letter.fingerprint.clone(),
            count: 0,
            event_type: letter.event_type.clone(),
            examples: Vec::new(),
            payload: show_payload.then(|| letter.payload()),
        });
        copies.count += 1;
        copies.examples.push(name);
        copies.examples.sort_by_key(|name| name.parked_at);
        copies.examples.truncate(EXAMPLES_SHOWN);
    }

    fn largest_first(self) -> Vec<OfReason> {
        let reasons = self.0.into_iter().map(|(reason, events)| {
            let mut events: Vec<OfFingerprint> = events.into_values().collect();
            let oldest = |event: &OfFingerprint| event.examples.first().map(|name| name.parked_at);
            events.sort_by_key(|event| (usize::MAX - event.count, oldest(event)));
            OfReason {
                reason,
                count: events.iter().map(|event| event.count).sum(),
                events,
            }
        });
        let mut reasons: Vec<_> = reasons.collect();
        reasons.sort_by_key(|reason| usize::MAX - reason.count);
        reasons
    }
}

impl OfConsumer {
    fn to_text(&self, now: Timestamp) -> String {
        let Some(oldest) = oldest(&self.reasons) else {
            return format!("{}: no dead letters\n", self.consumer);
        };
        let letters = counted(self.count, "dead letter");
        let age = in_words(seconds_since(oldest, now));
        let mut text = format!("{}: {letters}, the oldest {age} old\n", self.consumer);
        for OfReason {
            reason,
            count,
            events,
        } in &self.reasons
        {
            let _ = writeln!(text, "  {:<22} {count:>5}", printable(reason));
            for event in events.iter().take(EVENTS_SHOWN) {
                event.write(&mut text);
            }
            let hidden = events.len().saturating_sub(EVENTS_SHOWN);
            if hidden > 0 {
                let _ = writeln!(text, "    and {hidden} more events: --json shows them all");
            }
        }
        if self.more {
            text += "  and more than these: --limit says how many to look at\n";
        }
        text
    }
}

impl OfFingerprint {
    fn write(&self, text: &mut String) {
        let event_type = printable(self.event_type.as_deref().unwrap_or("-"));
        let fingerprint = self.fingerprint.get(..12).unwrap_or_default();
        let ids = self.examples.iter().map(|name| printable(&name.event_id));
        let mut ids: Vec<String> = ids.collect();
        // Copies of one event mostly go by one id.
        ids.dedup();
        let (count, ids) = (self.count, ids.join(", "));
        let _ = writeln!(
            text,
            "    {fingerprint:<20} {count:>5}  {event_type}  {ids}"
        );
        if let Some(payload) = &self.payload {
            let _ = writeln!(text, "      {}", printable(&payload.to_string()));
        }
    }
}
