//! One cell of a table: what one consumer made of one event, as a symbol, a word and a colour.

use fanout_kernel::Subscriber;
use fanout_runtime::Timestamp;

use super::hub::{Attempt, Came, Reaction, SeenEvent};
use super::switches::Fault;
use super::words::span;
use crate::trace::{ConsumerLife, State};

/// What stands in a cell. Its colour never says what its word does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) consumer: String,
    pub(crate) symbol: &'static str,
    pub(crate) word: String,
    pub(crate) detail: String,
    /// `ok`, `warn`, `bad`, `busy` or `mute`.
    pub(crate) tone: &'static str,
}

impl Cell {
    fn new(symbol: &'static str, word: &str, detail: String, tone: &'static str) -> Self {
        Self {
            consumer: String::new(),
            symbol,
            word: word.to_owned(),
            detail,
            tone,
        }
    }

    /// Nothing: the consumer does not hear the event's topic.
    fn empty() -> Self {
        Self::new("", "", String::new(), "none")
    }

    /// What a consumer made of an event that the page saw.
    pub(crate) fn of(
        event: &SeenEvent,
        subscriber: &Subscriber,
        fault: Fault,
        now: Timestamp,
    ) -> Self {
        let reaction = event.reaction(subscriber.consumer);
        let hears = subscriber.topics.iter().any(|it| it.topic == event.topic);
        let waits = || age(event.at, now);
        let mut cell = match reaction.and_then(|it| Some((it, it.standing()?))) {
            Some((reaction, standing)) => Self::standing(reaction, standing),
            None if !hears => Self::empty(),
            None if !event.is_for(subscriber) => {
                Self::new("–", "not wanted", String::new(), "mute")
            }
            None if event.is_unpublished => Self::new("·", "not published", waits(), "mute"),
            None if fault.paused => Self::new("||", "paused", waits(), "warn"),
            None => Self::new("·", "waiting", waits(), "mute"),
        };
        cell.consumer = subscriber.consumer.to_owned();
        cell
    }

    fn standing(reaction: &Reaction, standing: &Attempt) -> Self {
        let took = standing.took_ms.map_or_else(String::new, |took| {
            span(i64::try_from(took).unwrap_or(i64::MAX))
        });
        let count = |came: Came| {
            let attempts = reaction.attempts.iter();
            attempts.filter(|it| it.came == came).count()
        };
        let failed = reaction
            .attempts
            .iter()
            .filter(|it| it.came == Came::Failed);
        // The store counts them, and keeps the last.
        let tries_of = |it: &Attempt| it.number.filter(|_| it.is_remembered).unwrap_or(1);
        let failed: u64 = failed.map(tries_of).sum();
        let why = || standing.why.clone().unwrap_or_default();
        let slug = || why().split(": ").next().unwrap_or_default().to_owned();
        let duplicates = count(Came::Duplicate);
        match standing.came {
            Came::Duplicate if count(Came::Done) > 0 => {
                Self::new("✓", "done", format!("= {duplicates} again"), "ok")
            }
            Came::Done => Self::new("✓", "done", took, "ok"),
            Came::Duplicate => Self::new("=", "duplicate", took, "mute"),
            Came::Ignored => Self::new("–", "ignored", "not wanted".to_owned(), "mute"),
            Came::Stale => Self::new("⤺", "stale", took, "mute"),
            Came::Parked => Self::new("⊘", "parked", slug(), "bad"),
            Came::GivenUp => Self::new("⊘", "dead letter", tries(failed), "bad"),
            Came::Busy => Self::new("▸", "busy", took, "busy"),
            Came::Deferred => Self::new("↻", "asked for later", String::new(), "warn"),
            Came::Failed => Self::new("↻", "retrying", tries(failed), "warn"),
            Came::Refused => Self::new("⊘", "refused", slug(), "bad"),
        }
    }

    /// What a consumer made of an event, as the store remembers it.
    pub(crate) fn remembered(life: &ConsumerLife) -> Self {
        let mut cell = match &life.state {
            State::Done => Self::new("✓", "done", String::new(), "ok"),
            State::Stale => Self::new("⤺", "stale", String::new(), "mute"),
            State::Parked { reason, .. } => Self::new("⊘", "parked", reason.clone(), "bad"),
            State::OtherPayloadParked { reason, .. } => {
                Self::new("⊘", "another parked", reason.clone(), "bad")
            }
            State::Claimed { until } => Self::new("▸", "at work", format!("until {until}"), "busy"),
            State::ClaimEnded { .. } => Self::new("↻", "left behind", String::new(), "warn"),
            State::Released => Self::new("↻", "to be tried again", String::new(), "warn"),
            State::Forgotten { .. } => Self::new("–", "forgotten", String::new(), "mute"),
            State::NotSeen => Self::new("·", "not seen", String::new(), "mute"),
            State::NotWanted => Self::new("–", "not wanted", String::new(), "mute"),
        };
        cell.consumer.clone_from(&life.consumer);
        cell
    }
}

fn age(since: Timestamp, now: Timestamp) -> String {
    span((now - since).num_milliseconds())
}

fn tries(count: u64) -> String {
    match count {
        0 => String::new(),
        1 => "1 try failed".to_owned(),
        count => format!("{count} tries failed"),
    }
}
