//! Holding dead letters: pulled, so that no other command gets them, until they are acked or given
//! back.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use fanout_bus::PushedMessage;
use fanout_runtime::{Timestamp, error_chain};
use tokio::sync::Mutex;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::interrupt::{Interrupt, Interrupted};
use super::letter::DeadLetter;
use crate::answer::notice;
use crate::consumers::ConsumerEntry;
use crate::google_api::GoogleApiError;
use crate::pubsub_rest::{MOST_PULLED, PubsubRest};

/// How long a lease is. If this process dies, its letters are out of sight for so long.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are renewed: once may fail.
const RENEWAL: Duration = Duration::from_secs(10);
/// How long to wait before asking again a subscription that has said it is empty.
const BETWEEN_EMPTY_PULLS: Duration = Duration::from_millis(500);
/// How much data is held at once, in bytes.
const MOST_BYTES: usize = 100_000_000;
/// How often an ack is tried: without it a letter that is dealt with comes back.
const ACK_TRIES: u32 = 3;

/// Dead letters of one consumer that no other command gets meanwhile.
pub(super) struct Held {
    /// Those that are meant, oldest first.
    pub(super) letters: Vec<DeadLetter>,
    /// How many were looked at, these included.
    pub(super) looked_at: usize,
    /// There are more than were looked at.
    pub(super) more: bool,
    leases: Leases,
}

/// Ack ids by message id, kept alive.
struct Leases {
    pubsub: PubsubRest,
    subscription: String,
    /// Locked while a renewal is under way, so that none overtakes a giving back.
    held: Arc<Mutex<BTreeMap<String, String>>>,
    _keeper: AbortOnDropHandle<()>,
}

#[derive(Debug, thiserror::Error)]
enum FillError {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Api(#[from] GoogleApiError),
}

/// Looks at the consumer's dead letters, at most `limit` of them, and holds those that are `meant`.
/// The others are held until all have been looked at: given back before, they would come again.
/// After an error everything is given back.
pub(super) async fn hold(
    pubsub: &PubsubRest,
    consumer: &ConsumerEntry,
    limit: usize,
    interrupt: &Interrupt,
    meant: impl FnMut(&DeadLetter) -> bool,
) -> anyhow::Result<Held> {
    let mut held = Held {
        letters: Vec::new(),
        looked_at: 0,
        more: false,
        leases: Leases::of(pubsub, consumer.dead_letters()),
    };
    let delivered_by = pubsub.subscription_path(&consumer.subscription());
    let filled = held.fill(&delivered_by, limit, interrupt, meant).await;
    if let Err(error) = filled {
        held.give_back_all().await;
        let subscription = consumer.dead_letters();
        return match error {
            FillError::Interrupted(interrupted) => Err(interrupted.into()),
            FillError::Api(error) => {
                Err(error).with_context(|| format!("{subscription} cannot be read"))
            }
        };
    }
    held.letters.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(held)
}

fn order(letter: &DeadLetter) -> (Timestamp, &str) {
    (letter.message.publish_time, &letter.message.message_id)
}

impl Held {
    /// Pulls until nothing new comes. A letter that comes again is one whose lease has passed.
    async fn fill(
        &mut self,
        delivered_by: &str,
        limit: usize,
        interrupt: &Interrupt,
        mut meant: impl FnMut(&DeadLetter) -> bool,
    ) -> Result<(), FillError> {
        let mut seen = HashSet::new();
        let mut others = Vec::new();
        let mut bytes = 0;
        let mut empty_pulls = 0;
        while empty_pulls < self.leases.pubsub.empty_pulls() {
            if empty_pulls > 0 {
                interrupt.or(sleep(BETWEEN_EMPTY_PULLS)).await?;
            }
            // One more than asked for tells that there are more.
            let most = (limit - self.looked_at).saturating_add(1).min(MOST_PULLED);
            let pulled = interrupt.let_end(self.leases.pull(most)).await??;
            empty_pulls += 1;
            for message in pulled {
                if !seen.insert(message.message_id.clone()) {
                    continue;
                }
                empty_pulls = 0;
                if self.looked_at == limit {
                    self.more = true;
                    others.push(message.message_id);
                    continue;
                }
                self.looked_at += 1;
                let letter = DeadLetter::read(message, delivered_by);
                if meant(&letter) {
                    bytes += letter.message.data.len();
                    self.letters.push(letter);
                } else {
                    others.push(letter.message.message_id);
                }
            }
            self.more |= bytes > MOST_BYTES;
            if self.more {
                break;
            }
            if interrupt.is_requested() {
                return Err(Interrupted.into());
            }
        }
        self.leases
            .give_back(others.iter().map(String::as_str))
            .await;
        Ok(())
    }

    /// Gives letters back; they can be pulled again at once. If that fails they can be when the
    /// lease ends.
    pub(super) async fn give_back<'a>(&self, letters: impl IntoIterator<Item = &'a DeadLetter>) {
        let ids = letters.into_iter();
        let ids = ids.map(|letter| letter.message.message_id.as_str());
        self.leases.give_back(ids).await;
    }

    /// Gives everything back that is still held.
    pub(super) async fn give_back_all(&self) {
        let held = self.leases.held.lock().await;
        let ids: Vec<String> = held.keys().cloned().collect();
        drop(held);
        self.leases.give_back(ids.iter().map(String::as_str)).await;
    }

    /// Acks letters: they are gone.
    pub(super) async fn ack<'a>(
        &self,
        letters: impl IntoIterator<Item = &'a DeadLetter>,
    ) -> Result<(), GoogleApiError> {
        let letters = letters.into_iter();
        let ids = letters.map(|letter| letter.message.message_id.as_str());
        self.leases.ack(ids).await
    }
}

impl Leases {
    fn of(pubsub: &PubsubRest, subscription: String) -> Self {
        let held = Arc::new(Mutex::new(BTreeMap::new()));
        let keeper = tokio::spawn(renew(pubsub.clone(), subscription.clone(), held.clone()));
        Self {
            pubsub: pubsub.clone(),
            subscription,
            held,
            _keeper: AbortOnDropHandle::new(keeper),
        }
    }

    async fn pull(&self, most: usize) -> Result<Vec<PushedMessage>, GoogleApiError> {
        let mut held = self.held.lock().await;
        let pulled = self.pubsub.pull(&self.subscription, most).await?;
        let mut ack_ids = Vec::new();
        let mut messages = Vec::new();
        for pulled in pulled {
            ack_ids.push(pulled.ack_id.clone());
            held.insert(pulled.message.message_id.clone(), pulled.ack_id);
            messages.push(pulled.message);
        }
        // The subscription's own deadline may be shorter than the time to the next renewal.
        self.pubsub
            .modify_ack_deadline(&self.subscription, &ack_ids, LEASE)
            .await?;
        Ok(messages)
    }

    async fn give_back(&self, message_ids: impl Iterator<Item = &str>) {
        let mut held = self.held.lock().await;
        let ack_ids: Vec<String> = message_ids.filter_map(|id| held.remove(id)).collect();
        let given_back = self
            .pubsub
            .modify_ack_deadline(&self.subscription, &ack_ids, Duration::ZERO)
            .await;
        if let Err(error) = given_back {
            let count = ack_ids.len();
            let seconds = LEASE.as_secs();
            let error = error_chain(&error);
            notice(&format!(
                "{count} dead letters could not be given back ({error}); they come into sight again within {seconds} s"
            ));
        }
    }

    async fn ack(&self, message_ids: impl Iterator<Item = &str>) -> Result<(), GoogleApiError> {
        let mut held = self.held.lock().await;
        let message_ids: Vec<&str> = message_ids.collect();
        let ack_ids = message_ids.iter().filter_map(|id| held.get(*id).cloned());
        let ack_ids: Vec<String> = ack_ids.collect();
        let mut tries = 1;
        while let Err(error) = self.pubsub.acknowledge(&self.subscription, &ack_ids).await {
            if tries == ACK_TRIES {
                return Err(error);
            }
            sleep(Duration::from_millis(500) * tries).await;
            tries += 1;
        }
        for id in message_ids {
            held.remove(id);
        }
        Ok(())
    }
}

/// Renews all leases from time to time. A failure may be made up for by the next time; if it is
/// not, the letters can be pulled by others, and whatever is done with them then is done twice.
async fn renew(
    pubsub: PubsubRest,
    subscription: String,
    held: Arc<Mutex<BTreeMap<String, String>>>,
) {
    loop {
        sleep(RENEWAL).await;
        let held = held.lock().await;
        let ack_ids: Vec<String> = held.values().cloned().collect();
        let _ = pubsub
            .modify_ack_deadline(&subscription, &ack_ids, LEASE)
            .await;
    }
}
