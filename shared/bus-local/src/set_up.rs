//! Making, listing and deleting topics and subscriptions.

use super::broker::Broker;
use super::error::BrokerError;
use super::subscriptions;
use fanout_bus::{Subscription, Topology};

impl Broker {
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
        let create = move |file: &rusqlite::Savepoint<'_>| {
            if subscriptions::create_topic(file, &name)? {
                Ok(())
            } else {
                Err(BrokerError::TopicExists(name))
            }
        };
        self.database().call(create).await
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

    /// Deletes a topic. Its subscriptions stay, with what waits for them, and get nothing more.
    pub async fn delete_topic(&self, name: &str) -> Result<(), BrokerError> {
        let name = name.to_owned();
        self.database()
            .call(move |file| subscriptions::delete_topic(file, &name))
            .await
    }

    /// Deletes a subscription with all that waits for it. A delivery that is under way is cut.
    pub async fn delete_subscription(&self, name: &str) -> Result<(), BrokerError> {
        let (broker, name) = (self.clone(), name.to_owned());
        self.database()
            .call(move |file| {
                subscriptions::delete(file, &name)?;
                broker.wake_for_new_subscriptions();
                Ok(())
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

    /// One subscription.
    pub async fn subscription(&self, name: &str) -> Result<Subscription, BrokerError> {
        let name = name.to_owned();
        self.database()
            .call(move |file| Ok(subscriptions::by_name(file, &name)?.settings))
            .await
    }
}
