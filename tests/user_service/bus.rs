//! A bus that fails on demand and keeps what it was given.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use serde_json::Value;
use tokio::sync::watch;

/// How the bus behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Up,
    Refusing,
    /// Says nothing until the mood changes, and then fails: the message was not taken.
    Hanging,
    /// Takes a message, and says so when the mood changes.
    Late,
    /// Takes a message, and tells its publisher that there was no answer.
    AnswersLost,
}

/// A bus in memory.
pub(crate) struct Bus {
    mood: watch::Sender<Mood>,
    taken: Mutex<Vec<OutgoingMessage>>,
}

impl Bus {
    pub(crate) fn new() -> Self {
        Self {
            mood: watch::Sender::new(Mood::Up),
            taken: Mutex::default(),
        }
    }

    pub(crate) fn turn(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    fn take(&self, message: OutgoingMessage) -> MessageId {
        let mut taken = self.taken.lock().unwrap();
        taken.push(message);
        MessageId(taken.len().to_string())
    }

    async fn wait_while(&self, mood: Mood) {
        let mut changes = self.mood.subscribe();
        let _ = changes.wait_for(|now| *now != mood).await;
    }

    /// All messages that were published, in order.
    pub(crate) fn messages(&self) -> Vec<OutgoingMessage> {
        self.taken.lock().unwrap().clone()
    }

    /// All events that were published, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        let messages = self.messages();
        let data = messages.iter().map(|message| &message.data);
        data.map(|data| serde_json::from_slice(data).unwrap())
            .collect()
    }

    /// The sequences of each subject, in the order in which they were published.
    pub(crate) fn sequences(&self) -> BTreeMap<String, Vec<u64>> {
        let mut sequences: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for event in self.events() {
            let subject = event["subject"].as_str().unwrap().to_owned();
            let sequence = event["sequence"].as_u64().unwrap();
            sequences.entry(subject).or_default().push(sequence);
        }
        sequences
    }

    /// The same, each sequence where it was published first: what a consumer makes of repeats.
    pub(crate) fn first_sequences(&self) -> BTreeMap<String, Vec<u64>> {
        let mut sequences = self.sequences();
        for numbers in sequences.values_mut() {
            let mut seen = HashSet::new();
            numbers.retain(|number| seen.insert(*number));
        }
        sequences
    }
}

#[async_trait]
impl Publisher for Bus {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        assert_eq!(topic, "user-events");
        let mood = *self.mood.borrow();
        match mood {
            Mood::Up => return Ok(self.take(message)),
            Mood::Refusing => {}
            Mood::Hanging => self.wait_while(mood).await,
            Mood::Late => {
                let id = self.take(message);
                self.wait_while(mood).await;
                return Ok(id);
            }
            Mood::AnswersLost => {
                self.take(message);
                return Err(PublishError::NoAnswer("the answer was lost".into()));
            }
        }
        Err(PublishError::Unavailable("the bus is down".into()))
    }
}
