//! Holding dead letters: pulled, so that no other command gets them, until they are acked or given
//! back.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fanout_bus::PushedMessage;
use fanout_kernel::Subscriber;
use fanout_runtime::error_chain;
use tokio::sync::Mutex;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::interrupt::Interrupt;
use super::letter::DeadLetter;
use crate::answer::{counted, notice};
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
    pubsub: PubsubRest,
    subscription: String,
    leases: Leases,
    _keeper: AbortOnDropHandle<()>,
}

/// Ack ids by message id. Locked while a renewal is under way, so that none overtakes a giving back.
type Leases = Arc<Mutex<BTreeMap<String, String>>>;

/// Looks at the consumer's dead letters, at most `limit` of them, and holds those that are `meant`.
/// The others are held until all have been looked at: given back before, they would come again.
/// After an error everything is given back.
pub(super) async fn hold(
    pubsub: &PubsubRest,
    consumer: &Subscriber,
    limit: usize,
    interrupt: &Interrupt,
    meant: impl FnMut(&DeadLetter) -> bool,
) -> anyhow::Result<Held> {
    let (subscription, leases) = (consumer.dead_letters(), Leases::default());
    let keeper = renew(pubsub.clone(), subscription.clone(), leases.clone());
    let mut held = Held {
        letters: Vec::new(),
        looked_at: 0,
        more: false,
        pubsub: pubsub.clone(),
        subscription,
        leases,
        _keeper: AbortOnDropHandle::new(tokio::spawn(keeper)),
    };
    let delivered_by = pubsub.subscription_path(&consumer.first_subscription());
    let filled = held.fill(&delivered_by, limit, interrupt, meant).await;
    if let Err(error) = filled {
        held.give_back_all().await;
        return Err(error);
    }
    held.letters.sort_by_cached_key(|letter| {
        let message = &letter.message;
        (message.publish_time, message.message_id.clone())
    });
    Ok(held)
}

impl Held {
    /// Pulls until nothing new comes. A letter that comes again is one whose lease has passed.
    async fn fill(
        &mut self,
        delivered_by: &str,
        limit: usize,
        interrupt: &Interrupt,
        mut meant: impl FnMut(&DeadLetter) -> bool,
    ) -> anyhow::Result<()> {
        let mut seen = HashSet::new();
        let mut others = Vec::new();
        let (mut bytes, mut empty_pulls) = (0, 0);
        while empty_pulls < self.pubsub.empty_pulls && !self.more {
            interrupt.check()?;
            if empty_pulls > 0 {
                interrupt.or(sleep(BETWEEN_EMPTY_PULLS)).await?;
            }
            // One more than asked for tells that there are more.
            let most = (limit - self.looked_at).saturating_add(1).min(MOST_PULLED);
            let pulled = interrupt.let_end(self.pull(most)).await?;
            empty_pulls += 1;
            for message in
                pulled.with_context(|| format!("{} cannot be read", self.subscription))?
            {
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
        }
        self.release(others.iter().map(String::as_str)).await;
        Ok(())
    }

    async fn pull(&self, most: usize) -> Result<Vec<PushedMessage>, GoogleApiError> {
        let mut leases = self.leases.lock().await;
        let pulled = self.pubsub.pull(&self.subscription, most).await?;
        let (ack_ids, messages): (Vec<_>, Vec<_>) = pulled.into_iter().unzip();
        let ids = messages.iter().map(|it| it.message_id.clone());
        leases.extend(ids.zip(ack_ids.iter().cloned()));
        // The subscription's own deadline may be shorter than the time to the next renewal.
        let deadline = self
            .pubsub
            .modify_ack_deadline(&self.subscription, &ack_ids, LEASE);
        deadline.await?;
        Ok(messages)
    }

    /// Gives letters back; they can be pulled again at once. If that fails they can be when the
    /// lease ends.
    pub(super) async fn give_back<'a>(&self, letters: impl IntoIterator<Item = &'a DeadLetter>) {
        self.release(ids_of(letters)).await;
    }

    pub(super) async fn give_back_all(&self) {
        let ids: Vec<String> = self.leases.lock().await.keys().cloned().collect();
        self.release(ids.iter().map(String::as_str)).await;
    }

    async fn release(&self, message_ids: impl Iterator<Item = &str>) {
        let mut leases = self.leases.lock().await;
        let ack_ids: Vec<String> = message_ids.filter_map(|id| leases.remove(id)).collect();
        let deadline = Duration::ZERO;
        let given_back = self
            .pubsub
            .modify_ack_deadline(&self.subscription, &ack_ids, deadline);
        if let Err(error) = given_back.await {
            let letters = counted(ack_ids.len(), "dead letter");
            let (error, seconds) = (error_chain(&error), LEASE.as_secs());
            notice(&format!(
                "{letters} could not be given back ({error}): to be seen again within {seconds} s"
            ));
        }
    }

    pub(super) async fn ack<'a>(
        &self,
        letters: impl IntoIterator<Item = &'a DeadLetter>,
    ) -> Result<(), GoogleApiError> {
        let mut leases = self.leases.lock().await;
        let message_ids: Vec<&str> = ids_of(letters).collect();
        let ack_ids = message_ids.iter().filter_map(|id| leases.get(*id).cloned());
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
            leases.remove(id);
        }
        Ok(())
    }
}

fn ids_of<'a>(letters: impl IntoIterator<Item = &'a DeadLetter>) -> impl Iterator<Item = &'a str> {
    let letters = letters.into_iter();
    letters.map(|letter| letter.message.message_id.as_str())
}

/// Renews all leases from time to time. A failure may be made up for by the next time; if it is
/// not, the letters can be pulled by others, and whatever is done with them then is done twice.
async fn renew(pubsub: PubsubRest, subscription: String, leases: Leases) {
    loop {
        sleep(RENEWAL).await;
        let leases = leases.lock().await;
        let ack_ids: Vec<String> = leases.values().cloned().collect();
        let _ = pubsub
            .modify_ack_deadline(&subscription, &ack_ids, LEASE)
            .await;
    }
}
