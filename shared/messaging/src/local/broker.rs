//! The broker's handle: setting up, publishing, looking in.

use std::sync::Arc;

use fanout_runtime::{Clock, IdGenerator, Shutdown, Timestamp};
use fanout_store::sqlite::{Database, DatabaseError};
use tokio::sync::watch;

use super::error::BrokerError;
use super::mischief::Mischief;
use super::publish::{LocalPublisher, Recipients};
use super::schema::SCHEMA;
use super::{dispatch, publish_limits, rows, subscriptions};
use crate::{MessageId, OutgoingMessage, Subscription, Topology};

/// The embedded broker; clones share it. Dropping all of them stops nothing that was accepted: it
/// is in the file.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
    mischief: Mischief,
}

struct Shared {
    database: Database,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    project: String,
    /// Marked when messages may have become due.
    messages: watch::Sender<()>,
    /// Marked when there may be new subscriptions.
    topology: watch::Sender<()>,
}

impl Broker {
    /// A broker in this file. `project` stands in the subscription's path of every delivery.
    pub async fn open(
        database: Database,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        project: String,
    ) -> Result<Self, BrokerError> {
        database
            .call::<_, DatabaseError>(|file| Ok(file.execute_batch(SCHEMA)?))
            .await?;
        let shared = Shared {
            database,
            clock,
            ids,
            project,
            messages: watch::Sender::new(()),
            topology: watch::Sender::new(()),
        };
        Ok(Self {
            shared: Arc::new(shared),
            mischief: Mischief::default(),
        })
    }

    /// The same broker with faults injected into its deliveries; for [`Broker::run`].
    #[must_use]
    pub fn with_mischief(mut self, mischief: Mischief) -> Self {
        self.mischief = mischief;
        self
    }

    /// Creates what is missing and changes the settings of what is there; the messages that wait
    /// stay. All of it or, after an error, nothing. What the topology does not name stays too.
    pub async fn set_up(&self, topology: &Topology) -> Result<(), BrokerError> {
        let (broker, topology) = (self.clone(), topology.clone());
        self.database()
            .call(move |file| {
                for topic in &topology.topics {
                    subscriptions::create_topic(file, topic)?;
                }
                for subscription in &topology.subscriptions {
                    subscriptions::put(file, subscription, broker.now())?;
                }
                broker.wake_for_new_subscriptions();
                Ok(())
            })
            .await
    }

    /// Creates a topic that must not be there yet.
    pub async fn create_topic(&self, name: &str) -> Result<(), BrokerError> {
        let name = name.to_owned();
        self.database()
            .call(
                move |file| match subscriptions::create_topic(file, &name)? {
                    true => Ok(()),
                    false => Err(BrokerError::TopicExists(name)),
                },
            )
            .await
    }

    /// Creates a subscription that must not be there yet. It gets what is published from now on.
    pub async fn create_subscription(&self, settings: Subscription) -> Result<(), BrokerError> {
        let broker = self.clone();
        self.database()
            .call(move |file| {
                match subscriptions::by_name(file, &settings.name) {
                    Ok(_) => return Err(BrokerError::SubscriptionExists(settings.name)),
                    Err(BrokerError::UnknownSubscription(_)) => {}
                    Err(error) => return Err(error),
                }
                subscriptions::put(file, &settings, broker.now())?;
                broker.wake_for_new_subscriptions();
                Ok(())
            })
            .await
    }

    /// The `Publisher` port on this broker.
    pub fn publisher(&self) -> LocalPublisher {
        LocalPublisher::new(self.clone())
    }

    /// Publishes messages to a topic: all of them or, after an error, none.
    pub async fn publish(
        &self,
        topic: &str,
        messages: Vec<OutgoingMessage>,
    ) -> Result<Vec<MessageId>, BrokerError> {
        publish_limits::check(&messages)?;
        let (broker, topic) = (self.clone(), topic.to_owned());
        self.database()
            .call(move |file| {
                if !subscriptions::topic_exists(file, &topic)? {
                    return Err(BrokerError::UnknownTopic(topic));
                }
                let recipients = Recipients::of_topic(file, &topic)?;
                let now = broker.now();
                let insert = |message| recipients.insert(file, now, message);
                let ids = messages.iter().map(insert).collect();
                broker.wake();
                ids
            })
            .await
    }

    /// Delivers to push subscriptions until `shutdown`, then lets deliveries under way finish for
    /// at most [`fanout_runtime::DRAIN`]. Run it once for each file.
    ///
    /// What is still under way then is neither acked nor counted as failed: it is due at the next
    /// start. So is a delivery that fails after `shutdown`, as its endpoint may be stopping too.
    pub async fn run(&self, shutdown: Shutdown) {
        dispatch::run(self, shutdown).await;
    }

    /// How many messages a subscription has not acked; dead letters too are counted so, by the
    /// subscription of the dead-letter topic.
    pub async fn backlog(&self, subscription: &str) -> Result<u64, BrokerError> {
        let name = subscription.to_owned();
        self.database()
            .call(move |file| {
                let id = subscriptions::by_name(file, &name)?.id;
                let waiting = file
                    .prepare_cached(
                        "SELECT count(*) AS waiting FROM deliveries WHERE subscription = ?1",
                    )?
                    .query_row([id], |row| rows::count(row, "waiting"))?;
                Ok(waiting)
            })
            .await
    }

    /// All topics, by name.
    pub async fn topics(&self) -> Result<Vec<String>, BrokerError> {
        let topics = |file: &rusqlite::Savepoint<'_>| Ok(subscriptions::topics(file)?);
        self.database().call(topics).await
    }

    /// All subscriptions, by name.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, BrokerError> {
        self.database()
            .call(|file| {
                let all = subscriptions::all(file)?;
                Ok(all.into_iter().map(|stored| stored.settings).collect())
            })
            .await
    }

    pub(super) fn database(&self) -> &Database {
        &self.shared.database
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn ids(&self) -> &dyn IdGenerator {
        self.shared.ids.as_ref()
    }

    pub(super) fn project(&self) -> &str {
        &self.shared.project
    }

    pub(super) fn mischief(&self) -> Mischief {
        self.mischief
    }

    /// Says that messages may have become due. Called inside the job that makes them so: whoever is
    /// woken asks the file by a job of its own, which runs after this one; and the word gets out
    /// even if nobody waits for this job's answer any more.
    pub(super) fn wake(&self) {
        self.shared.messages.send_replace(());
    }

    fn wake_for_new_subscriptions(&self) {
        self.shared.topology.send_replace(());
        self.wake();
    }

    pub(super) fn watch_messages(&self) -> watch::Receiver<()> {
        self.shared.messages.subscribe()
    }

    pub(super) fn watch_topology(&self) -> watch::Receiver<()> {
        self.shared.topology.subscribe()
    }
}
