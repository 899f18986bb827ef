//! What really happened, whatever anybody was told. Filled below the faults, so no lost answer and
//! no crash can hide anything from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanout_bus::OutgoingMessage;

use super::bank::Bank;
use super::feed::Feeds;
use super::outbox_rules::OutboxRules;
use super::services::Service;
use super::shop::Shop;

#[derive(Default)]
pub(crate) struct Facts {
    /// Every state that each user had, by version.
    pub(crate) users: BTreeMap<String, BTreeMap<u64, UserState>>,
    /// Every event that was stored with the state it tells of, by id.
    pub(crate) events: BTreeMap<String, StoredEvent>,
    /// Every `user.created` that was typed by hand: its id, and its user.
    pub(crate) typed: BTreeMap<String, String>,
    /// Events that have arrived on their topic.
    pub(crate) arrived: BTreeSet<String>,
    /// Orders, and what became of them.
    pub(crate) shop: Shop,
    /// Accounts, as their events say.
    pub(crate) bank: Bank,
    /// Posts and follows, and what is shown of them.
    pub(crate) feeds: Feeds,
    /// What waits in the outbox.
    pub(crate) outbox: OutboxRules,
    /// How often each state of each contact was written: a contact is known by the first and the last
    /// event that have come.
    pub(crate) contact_writes: BTreeMap<ContactState, u32>,
    /// Every mail that left and every card that was printed.
    pub(crate) acts: Vec<Act>,
    /// Acts as they began.
    pub(crate) acting: Vec<Acting>,
    /// When a consumer's claim on an event last came to its end in the store.
    pub(crate) claims_ended: BTreeMap<(String, String), Duration>,
    /// Whether the mailboxes that refuse mail at first take it now.
    pub(crate) mailboxes_open: bool,
    /// Addresses of those that have taken their one mail.
    pub(crate) full_mailboxes: BTreeSet<String>,
    /// Everything on the dead-letter topics.
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// Every call of a consumer, by number.
    pub(crate) deliveries: BTreeMap<u64, Delivery>,
    /// Messages that will never work, and the consumers that get them.
    pub(crate) unusable: BTreeSet<(Service, String)>,
    /// Ids of users whose sign-up was answered 201.
    pub(crate) accepted: BTreeSet<String>,
    /// How often every event has been sent out again after all marks on it had expired.
    pub(crate) rounds: u32,
    /// Until when nothing runs by itself, the relay included.
    pub(crate) asleep_until: Duration,
    /// Broken promises.
    pub(crate) violations: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ContactState {
    pub(crate) user_id: String,
    pub(crate) first_event_id: String,
    pub(crate) last_event_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UserState {
    Present { email: String, name: String },
    Deleted,
}

pub(crate) struct StoredEvent {
    pub(crate) source: String,
    pub(crate) topic: String,
    pub(crate) event_type: String,
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) correlation_id: Option<String>,
    pub(crate) causation_id: Option<String>,
    /// As it is to be published.
    pub(crate) message: OutgoingMessage,
}

/// Something that happened outside the store.
pub(crate) struct Act {
    pub(crate) consumer: Service,
    pub(crate) event_id: String,
    /// [`Facts::rounds`] at that time.
    pub(crate) round: u32,
}

/// A handler that began to act.
pub(crate) struct Acting {
    pub(crate) consumer: Service,
    pub(crate) delivery: u64,
    pub(crate) event_id: String,
    pub(crate) began: Duration,
}

#[derive(Clone)]
pub(crate) struct DeadLetter {
    /// Its own, on the dead-letter topic.
    pub(crate) message_id: String,
    pub(crate) consumer: String,
    pub(crate) original_message_id: String,
    pub(crate) reason: String,
    /// As it lies there.
    pub(crate) message: OutgoingMessage,
}

/// One call of a consumer.
pub(crate) struct Delivery {
    pub(crate) consumer: Service,
    pub(crate) event_id: String,
    /// When the handler began.
    pub(crate) started: Duration,
    pub(crate) state: DeliveryState,
    /// When it left [`DeliveryState::Running`].
    pub(crate) ended: Option<Duration>,
    /// A call of the store went wrong on its way, so it may not know what it holds.
    pub(crate) store_failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryState {
    /// The handler runs, whether anybody waits for it or not.
    Running,
    /// The handler came to its end.
    Answered,
    /// The handler was dropped: a crash, or nobody waited any more.
    Dropped,
}

impl Facts {
    /// How many users there ever were.
    pub(crate) fn sign_ups(&self) -> u64 {
        self.users.len() as u64
    }

    /// Whether the message lies on the consumer's dead-letter topic.
    pub(crate) fn is_parked(&self, consumer: Service, message_id: &str) -> bool {
        self.dead_letters.iter().any(|letter| {
            letter.consumer == consumer.name() && letter.original_message_id == message_id
        })
    }
}
