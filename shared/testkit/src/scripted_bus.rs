//! A bus that does with each message what it was told before.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use tokio::sync::oneshot;

/// A bus for tests. Takes every message, unless it was told otherwise.
#[derive(Default)]
pub struct ScriptedBus(Mutex<State>);

#[derive(Default)]
struct State {
    taken: Vec<(String, OutgoingMessage)>,
    next: VecDeque<NextPublish>,
    otherwise: Mood,
    slow: Option<Duration>,
}

/// What happens to every message that nothing was said about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mood {
    /// It is taken.
    #[default]
    Up,
    /// It is not taken, and may be later.
    Down,
    /// It is not taken, and there is never an answer.
    Silent,
}

/// What happens to the next message that nothing was said about.
pub enum NextPublish {
    /// It is taken.
    Taken,
    /// It is not taken, and may be later.
    Unavailable,
    /// It is not taken, and never will be.
    Refused,
    /// It is taken, and the publisher hears that there was no answer.
    NoAnswer,
    /// It is taken; the answer comes when the other end says so: a success, or that the bus is down.
    /// Never, if the other end is dropped.
    Late(oneshot::Receiver<bool>),
}

impl ScriptedBus {
    /// Says what happens to the next message.
    pub fn next(&self, next: NextPublish) {
        self.state().next.push_back(next);
    }

    /// The next message is taken; when that is answered, and whether as a success, is up to the
    /// caller.
    pub fn answer_the_next_late(&self) -> oneshot::Sender<bool> {
        let (answer, late) = oneshot::channel();
        self.next(NextPublish::Late(late));
        answer
    }

    /// Says what happens to all other messages.
    pub fn turn(&self, mood: Mood) {
        self.state().otherwise = mood;
    }

    /// From now on every answer takes this long.
    pub fn slow(&self, by: Option<Duration>) {
        self.state().slow = by;
    }

    /// What was taken so far, with its topic.
    pub fn taken(&self) -> Vec<(String, OutgoingMessage)> {
        self.state().taken.clone()
    }

    /// The ids of the events that were taken so far, by their attribute.
    pub fn event_ids(&self) -> Vec<String> {
        let taken = self.taken();
        let id =
            |(_, message): &(String, OutgoingMessage)| message.attributes.get("ce-id").cloned();
        taken.iter().filter_map(id).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, topic: &str, message: OutgoingMessage) -> MessageId {
        let mut state = self.state();
        state.taken.push((topic.to_owned(), message));
        MessageId(state.taken.len().to_string())
    }
}

#[async_trait]
impl Publisher for ScriptedBus {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let (next, mood, slow) = {
            let mut state = self.state();
            (state.next.pop_front(), state.otherwise, state.slow)
        };
        if let Some(by) = slow {
            tokio::time::sleep(by).await;
        }
        let down = || PublishError::Unavailable("the bus is down".into());
        match next {
            None => match mood {
                Mood::Up => Ok(self.take(topic, message)),
                Mood::Down => Err(down()),
                Mood::Silent => pending().await,
            },
            Some(NextPublish::Taken) => Ok(self.take(topic, message)),
            Some(NextPublish::Unavailable) => Err(down()),
            Some(NextPublish::Refused) => Err(PublishError::Refused("no such topic".into())),
            Some(NextPublish::NoAnswer) => {
                self.take(topic, message);
                Err(PublishError::NoAnswer("the answer was lost".into()))
            }
            Some(NextPublish::Late(late)) => {
                let id = self.take(topic, message);
                match late.await {
                    Ok(true) => Ok(id),
                    Ok(false) => Err(down()),
                    Err(_) => pending().await,
                }
            }
        }
    }
}
