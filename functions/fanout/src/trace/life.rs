//! An event's life, as far as its row and its marks tell of it. Ids, times and outcomes: nothing here
//! can hold an address or a name.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use fanout_contracts::DOMAINS;
use fanout_dedup::{FoundMark, Links, Mark, MarkState};
use fanout_events::FLOW;
use fanout_kernel::Subscriber;
use fanout_outbox::{EventRow, Standing};
use fanout_runtime::Timestamp;
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Life {
    pub(crate) event_id: String,
    /// Empty for a message that could not be decoded.
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) subject: Option<String>,
    pub(crate) sequence: Option<u64>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) causation_id: Option<String>,
    pub(crate) stored_at: Option<String>,
    pub(crate) publication: Publication,
    pub(crate) consumers: Vec<ConsumerLife>,
    /// The events that this one caused, as far as they were looked for.
    pub(crate) caused: Vec<String>,
}

/// Whether it has been published, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Publication {
    /// Its row waits, and no consumer has seen it.
    Waiting { since: String },
    /// A consumer has seen it, and its row still waits: it may be published once more.
    SeenAndWaiting { since: String },
    /// Its row says so.
    Published { at: String },
    /// An operator took it out of the outbox, and it was not published.
    Skipped { at: String, reason: String },
    /// A consumer has seen it. It has no row: it was typed by hand, comes from a foreign system, or
    /// was published longer ago than rows are kept.
    Seen,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConsumerLife {
    pub(crate) consumer: String,
    #[serde(flatten)]
    pub(crate) state: State,
    /// How many times work on it was begun; deliveries that failed before a mark was made leave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<String>,
    /// An earlier holder may have acted and not lived to say so.
    pub(crate) may_have_repeated: bool,
}

/// How far a consumer is with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    /// The effect is made.
    Done,
    /// A later event of the same subject had been applied before.
    Stale,
    /// It lies on the dead-letter topic.
    Parked { reason: String, detail: String },
    /// Another payload came under its id, and lies on the dead-letter topic.
    OtherPayloadParked { reason: String, detail: String },
    /// A holder works on it.
    Claimed { until: String },
    /// A holder worked on it and did not come back; the next delivery takes over.
    ClaimEnded { at: String },
    /// It failed, and the claim was given back: the next delivery tries again.
    Released,
    /// The mark is so old that it no longer counts.
    Forgotten { since: String },
    /// There is no mark. It wants the type: the event is on its way, or is being retried.
    NotSeen,
    /// There is no mark, and there will be none: it has no use for the type.
    NotWanted,
}

/// Marks and rows of one event.
#[derive(Default)]
pub(crate) struct Traces {
    pub(crate) marks: Vec<FoundMark>,
    pub(crate) row: Option<EventRow>,
}

impl Traces {
    /// All that was found, by event.
    pub(super) fn by_event(marks: Vec<FoundMark>, rows: Vec<EventRow>) -> BTreeMap<String, Self> {
        let mut events: BTreeMap<String, Self> = BTreeMap::new();
        for found in marks {
            let traces = events.entry(found.mark.event_id.clone()).or_default();
            traces.marks.push(found);
        }
        for row in rows {
            let event = row.event_id.clone();
            events.entry(event).or_default().row = Some(row);
        }
        events
    }

    pub(super) fn life(self, event_id: String, now: Timestamp) -> Life {
        let own = self.marks.iter().filter(|found| !found.another_payload);
        let own: Vec<&Mark> = own.map(|found| &found.mark).collect();
        let row = self.row.as_ref();
        // A note tells of another event under the same id, so it comes last.
        let told = own
            .first()
            .copied()
            .or(self.marks.first().map(|found| &found.mark));
        let links = match (row, told) {
            (Some(row), _) => Links {
                event_type: Some(row.event_type.clone()),
                subject: Some(row.subject.clone()),
                sequence: Some(row.sequence),
                correlation_id: row.correlation_id.clone(),
                causation_id: row.causation_id.clone(),
            },
            (None, Some(mark)) => mark.links.clone(),
            (None, None) => Links::default(),
        };
        let event_type = links.event_type.clone().unwrap_or_default();
        let publication = row.map_or(Publication::Seen, |row| match &row.standing {
            Standing::Published(at) => Publication::Published { at: shown(*at) },
            Standing::Skipped(skipped) => Publication::Skipped {
                at: shown(skipped.at),
                reason: skipped.reason.clone(),
            },
            Standing::Waiting { .. } if self.marks.is_empty() => Publication::Waiting {
                since: shown(row.recorded_at),
            },
            Standing::Waiting { .. } => Publication::SeenAndWaiting {
                since: shown(row.recorded_at),
            },
        });
        let message = row.map(EventRow::message);
        let flow = message.as_ref().and_then(|it| it.attributes.get(FLOW));
        let mut consumers = reactions(&self.marks, &event_type, flow.map(String::as_str), now);
        if let Publication::Skipped { .. } = publication {
            // What was not published is on its way to no consumer.
            consumers.retain(|reaction| reaction.state != State::NotSeen);
        }
        Life {
            stored_at: row.map(|row| shown(row.recorded_at)),
            event_id,
            consumers,
            event_type,
            subject: links.subject,
            sequence: links.sequence,
            correlation_id: links.correlation_id,
            causation_id: links.causation_id,
            publication,
            caused: Vec::new(),
        }
    }
}

/// In the order of the table of consumers; consumers that are no longer in it come last.
fn reactions(
    marks: &[FoundMark],
    event_type: &str,
    flow: Option<&str>,
    now: Timestamp,
) -> Vec<ConsumerLife> {
    let place = |name: &str| {
        let known = system::consumers().position(|it| it.consumer == name);
        known.unwrap_or(usize::MAX)
    };
    let mut reactions: Vec<ConsumerLife> = marks
        .iter()
        .map(|found| ConsumerLife::of(found, now))
        .collect();
    let domain = DOMAINS
        .iter()
        .find(|domain| domain.find(event_type).is_some());
    let hears = |subscriber: &&Subscriber| {
        let mut topics = subscriber.topics.iter();
        domain.is_none_or(|domain| topics.any(|it| it.topic == domain.topic))
    };
    for subscriber in system::consumers().filter(hears) {
        let seen = |found: &FoundMark| {
            found.mark.consumer == subscriber.consumer && !found.another_payload
        };
        if !marks.iter().any(seen) {
            let wants = event_type.is_empty()
                || domain.is_some_and(|domain| {
                    system::wants(subscriber, domain.topic, event_type, flow)
                });
            reactions.push(ConsumerLife {
                consumer: subscriber.consumer.to_owned(),
                state: if wants {
                    State::NotSeen
                } else {
                    State::NotWanted
                },
                attempts: None,
                finished_at: None,
                may_have_repeated: false,
            });
        }
    }
    let is_note =
        |reaction: &ConsumerLife| matches!(reaction.state, State::OtherPayloadParked { .. });
    reactions.sort_by(|a, b| {
        let key = |r: &ConsumerLife| {
            (
                place(&r.consumer),
                r.consumer.clone(),
                is_note(r),
                r.finished_at.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    reactions
}

impl ConsumerLife {
    fn of(found: &FoundMark, now: Timestamp) -> Self {
        let mark = &found.mark;
        Self {
            consumer: mark.consumer.clone(),
            state: State::of(found, now),
            attempts: Some(mark.attempt),
            finished_at: mark.finished_at.map(shown),
            may_have_repeated: mark.may_have_repeated,
        }
    }
}

impl State {
    fn of(found: &FoundMark, now: Timestamp) -> Self {
        let mark = &found.mark;
        let reason = || mark.outcome.clone().unwrap_or_default();
        let detail = || mark.detail.clone().unwrap_or_default();
        if mark.expires_at <= now {
            let since = shown(mark.expires_at);
            return Self::Forgotten { since };
        }
        match mark.state {
            MarkState::Done if mark.outcome.as_deref() == Some("stale") => Self::Stale,
            MarkState::Done => Self::Done,
            MarkState::Parked if found.another_payload => Self::OtherPayloadParked {
                reason: reason(),
                detail: detail(),
            },
            MarkState::Parked => Self::Parked {
                reason: reason(),
                detail: detail(),
            },
            MarkState::Released => Self::Released,
            MarkState::Processing => match mark.lease_expires_at {
                Some(end) if end > now => Self::Claimed { until: shown(end) },
                Some(end) => Self::ClaimEnded { at: shown(end) },
                None => Self::ClaimEnded {
                    at: shown(mark.expires_at),
                },
            },
        }
    }
}

/// RFC 3339, UTC, milliseconds.
pub(crate) fn shown(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
