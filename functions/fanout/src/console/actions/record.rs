//! What was done on this page since it was started, and what it published by hand.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use fanout_bus::OutgoingMessage;
use fanout_runtime::Timestamp;

/// How many actions are kept,
const MOST_DEEDS: usize = 20;
/// and how many messages, to be sent again: no row has them.
const MOST_MESSAGES: usize = 50;

/// One action.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) said: String,
    pub(crate) href: Option<String>,
    pub(crate) well: bool,
}

/// A message with its topic.
pub(crate) type Sent = (String, OutgoingMessage);

#[derive(Default)]
struct Kept {
    next: u64,
    deeds: VecDeque<Deed>,
    /// The latest, until a screen has said it.
    news: Option<Deed>,
    messages: VecDeque<(String, Sent)>,
}

/// The latest of all that.
#[derive(Default)]
pub(crate) struct ActionLog(Mutex<Kept>);

impl ActionLog {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, deed: Deed) {
        let mut kept = self.kept();
        kept.next += 1;
        let number = kept.next;
        let deed = Deed { number, ..deed };
        kept.news = Some(deed.clone());
        kept.deeds.push_front(deed);
        kept.deeds.truncate(MOST_DEEDS);
    }

    /// The latest first.
    pub(crate) fn latest(&self) -> Vec<Deed> {
        self.kept().deeds.iter().cloned().collect()
    }

    /// What was done and not yet said, for the screen that comes next.
    pub(crate) fn news(&self) -> Option<Deed> {
        self.kept().news.take()
    }

    /// Keeps what was published under an event's id.
    pub(crate) fn keep(&self, id: &str, sent: Sent) {
        let mut kept = self.kept();
        kept.messages.push_front((id.to_owned(), sent));
        kept.messages.truncate(MOST_MESSAGES);
    }

    pub(crate) fn has_message(&self, id: &str) -> bool {
        self.kept().messages.iter().any(|(known, _)| known == id)
    }

    pub(crate) fn message(&self, id: &str) -> Option<Sent> {
        let kept = self.kept();
        let found = kept.messages.iter().find(|(known, _)| known == id);
        found.map(|(_, sent)| sent.clone())
    }
}
