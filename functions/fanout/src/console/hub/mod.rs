//! What the page knows of the running system: a bounded ring of the latest events and a few counts.
//! It is told of publications and of what the delivery line says, and computes nothing by itself.

mod event;
mod listen;
mod meters;
mod publisher;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::publish::topic_of;
use fanout_runtime::Timestamp;
use tokio::sync::watch;

pub(crate) use event::{Attempt, Came, LogLine, Reaction, SeenEvent};
pub(crate) use listen::hub_listener;
pub(crate) use meters::{Meters, Step};
pub(crate) use publisher::SeenPublisher;

/// How many events are kept: about 2 MB.
const MOST_EVENTS: usize = 5_000;
/// The number of the first event that is told: what was before is numbered down from it.
const FIRST: u64 = 1_000_000;
/// How many messages of an event are known by their ids.
const MOST_MESSAGES: usize = 20;

/// What the page knows.
#[derive(Debug)]
pub(crate) struct Hub {
    seen: Mutex<Seen>,
    version: watch::Sender<u64>,
}

/// The ring, by number and by id.
#[derive(Debug)]
pub(crate) struct Seen {
    events: VecDeque<SeenEvent>,
    by_id: HashMap<String, u64>,
    by_message: HashMap<String, u64>,
    next: u64,
    pub(crate) meters: Meters,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            by_id: HashMap::new(),
            by_message: HashMap::new(),
            next: FIRST,
            meters: Meters::default(),
        }
    }
}

/// What a delivery line tells.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) subject: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) consumer: String,
    pub(crate) message_id: Option<String>,
    pub(crate) number: Option<u64>,
    pub(crate) outcome: String,
    pub(crate) took_ms: u64,
    pub(crate) status: Option<u16>,
    pub(crate) why: Option<String>,
    pub(crate) may_have_repeated: bool,
}

/// What a publication tells.
#[derive(Debug, Default)]
pub(crate) struct Publication {
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) topic: String,
    pub(crate) subject: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) flow: Option<String>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            version: watch::Sender::new(0),
        }
    }
}

impl Hub {
    /// What is known now. Held only for a moment: every delivery waits for it.
    pub(crate) fn look(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes with everything that is told.
    pub(crate) fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The bus is asked to take it: a consumer may be done with it before the bus answers.
    pub(crate) fn publishing(&self, told: Publication, now: Timestamp) {
        self.look().publishing(told, now);
        self.changed();
    }

    /// What the bus answered.
    pub(crate) fn published(&self, event_id: &str, was_taken: bool, now: Timestamp) {
        self.look().published(event_id, was_taken, now);
        self.changed();
    }

    pub(crate) fn delivered(&self, told: Delivery, now: Timestamp) {
        self.look().delivered(told, now);
        self.changed();
    }

    /// Something else was logged of an event; of one that is not kept it is left to the log.
    pub(crate) fn logged(&self, event_id: &str, line: LogLine) {
        if self.look().logged(event_id, line) {
            self.changed();
        }
    }

    /// The bus has given a message up after so many deliveries.
    pub(crate) fn given_up(&self, message_id: &str, consumer: &str, why: String, now: Timestamp) {
        self.look().given_up(message_id, consumer, why, now);
        self.changed();
    }

    /// What was before, oldest first: it comes before all that has been told.
    pub(crate) fn remember(&self, events: Vec<SeenEvent>) {
        self.look().remember(events);
        self.changed();
    }

    fn changed(&self) {
        self.version.send_modify(|version| *version += 1);
    }
}

impl Seen {
    /// The latest first.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &SeenEvent> {
        self.events.iter().rev()
    }

    pub(crate) fn event(&self, id: &str) -> Option<&SeenEvent> {
        self.numbered(*self.by_id.get(id)?)
    }

    /// How many have been seen since the start.
    pub(crate) fn count(&self) -> u64 {
        self.next - FIRST
    }

    /// Whether nothing is known, not even of what was before.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn numbered(&self, number: u64) -> Option<&SeenEvent> {
        let first = self.events.front()?.number;
        self.events
            .get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    fn numbered_mut(&mut self, number: u64) -> Option<&mut SeenEvent> {
        let first = self.events.front()?.number;
        self.events
            .get_mut(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// The event of this id, made if it is new, and whether it is.
    fn enter(&mut self, id: &str, topic: &str, now: Timestamp) -> (u64, bool) {
        if let Some(number) = self.by_id.get(id) {
            return (*number, false);
        }
        if self.events.len() >= MOST_EVENTS {
            self.forget_oldest();
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(id.to_owned(), number);
        self.events.push_back(SeenEvent {
            number,
            id: id.to_owned(),
            event_type: String::new(),
            topic: topic.to_owned(),
            subject: None,
            correlation_id: None,
            flow: None,
            at: now,
            copies: 0,
            is_unpublished: false,
            reactions: Vec::new(),
            messages: Vec::new(),
            lines: Vec::new(),
        });
        (number, true)
    }

    fn remember(&mut self, events: Vec<SeenEvent>) {
        let mut first = self.events.front().map_or(self.next, |it| it.number);
        for mut event in events.into_iter().rev() {
            if first == 0 || self.by_id.contains_key(&event.id) {
                continue;
            }
            first -= 1;
            event.number = first;
            self.by_id.insert(event.id.clone(), first);
            self.events.push_front(event);
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(old) = self.events.pop_front() {
            self.by_id.remove(&old.id);
            for message in &old.messages {
                self.by_message.remove(message);
            }
        }
    }

    fn publishing(&mut self, told: Publication, now: Timestamp) {
        let (number, is_new) = self.enter(&told.event_id, &told.topic, now);
        if let Some(event) = self.numbered_mut(number) {
            event.is_unpublished |= is_new;
            event.learn(told.event_type, told.subject, told.correlation_id);
            event.flow = event.flow.take().or(told.flow);
        }
    }

    fn published(&mut self, event_id: &str, was_taken: bool, now: Timestamp) {
        let number = self.by_id.get(event_id).copied();
        let Some(event) = number.and_then(|number| self.numbered_mut(number)) else {
            return;
        };
        if was_taken {
            event.is_unpublished = false;
            event.copies += 1;
            let topic = event.topic.clone();
            self.meters.event(&topic, now);
        }
    }

    fn delivered(&mut self, told: Delivery, now: Timestamp) {
        let came = Came::of(&told.outcome);
        let failed = matches!(came, Came::Failed | Came::Refused | Came::Parked);
        let topic = topic_told(&told.event_type, &told.consumer);
        let subscriber = system::consumer(&told.consumer);
        let whose = subscriber.map(|it| it.subscription(topic));
        let whose = whose.as_deref().unwrap_or(&told.consumer);
        self.meters.count(whose, now, failed, told.took_ms);
        if told.event_id.is_empty() {
            return;
        }
        let (number, is_new) = self.enter(&told.event_id, topic, now);
        if is_new {
            self.meters.event(topic, now);
        }
        let Some(event) = self.numbered_mut(number) else {
            return;
        };
        // Whatever the bus has answered, if it has.
        event.is_unpublished = false;
        event.learn(told.event_type, told.subject, told.correlation_id);
        let (at, known) = (event.at, event.reaction_mut(&told.consumer));
        let first = known.attempts.iter().all(|it| !it.came.is_settled());
        known.add(Attempt {
            at: now,
            number: told.number,
            came,
            took_ms: Some(told.took_ms),
            status: told.status,
            why: told.why,
            may_have_repeated: told.may_have_repeated,
            is_remembered: false,
        });
        if let Some(id) = told.message_id.filter(|it| !event.messages.contains(it))
            && event.messages.len() < MOST_MESSAGES
        {
            event.messages.push(id.clone());
            self.by_message.insert(id, number);
        }
        if first && came.is_settled() {
            let age = (now - at).num_milliseconds();
            self.meters
                .end_to_end(u64::try_from(age).unwrap_or_default(), now);
        }
    }

    fn logged(&mut self, event_id: &str, line: LogLine) -> bool {
        let number = self.by_id.get(event_id).copied();
        let Some(event) = number.and_then(|number| self.numbered_mut(number)) else {
            return false;
        };
        event.logged(line);
        true
    }

    fn given_up(&mut self, message_id: &str, consumer: &str, why: String, now: Timestamp) {
        let number = self.by_message.get(message_id).copied();
        let Some(event) = number.and_then(|number| self.numbered_mut(number)) else {
            return;
        };
        event.reaction_mut(consumer).add(Attempt {
            at: now,
            number: None,
            came: Came::GivenUp,
            took_ms: None,
            status: None,
            why: Some(why),
            may_have_repeated: false,
            is_remembered: false,
        });
    }
}

/// The topic of a type, if its consumer hears that; of anything else the first that it hears.
fn topic_told(event_type: &str, consumer: &str) -> &'static str {
    let heard = system::consumer(consumer).map(|it| it.topics);
    let hears = |topic: &&str| heard.is_none_or(|all| all.iter().any(|it| it.topic == *topic));
    let first = || Some(heard?.first()?.topic);
    let of_type = topic_of(event_type).filter(hears);
    of_type.or_else(first).unwrap_or_default()
}

#[cfg(test)]
mod tests;
