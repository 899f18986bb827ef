//! Making, listing and deleting topics and subscriptions.

use fanout_bus::{Subscription, Topology};

use super::broker::Broker;
use super::error::BrokerError;
use super::subscriptions;

impl Broker {
    /// Creates what is missing and changes the settings of what is there; the messages that wait
    /// stay. All of it or, after an error, nothing. What the topology does not name stays too.
    pub async fn set_up(&self, topology: &Topology) -> Result<(), BrokerError> {
        let topology = topology.clone();
        self.call(move |broker, file| {
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
        self.call(move |_, file| {
            let new = subscriptions::create_topic(file, &name)?;
            let exists = || BrokerError::Exists("topic", name.clone());
            new.then_some(()).ok_or_else(exists)
        })
        .await
    }

    /// Creates a subscription that must not be there yet. It gets what is published from now on.
    pub async fn create_subscription(&self, settings: Subscription) -> Result<(), BrokerError> {
        self.call(move |broker, file| {
            if subscriptions::find(file, &settings.name)?.is_some() {
                let name = settings.name.clone();
                return Err(BrokerError::Exists("subscription", name));
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
        self.call(move |_, file| subscriptions::delete_topic(file, &name))
            .await
    }

    /// Deletes a subscription with all that waits for it. A delivery that is under way is cut.
    pub async fn delete_subscription(&self, name: &str) -> Result<(), BrokerError> {
        let name = name.to_owned();
        self.call(move |broker, file| {
            subscriptions::delete(file, &name)?;
            broker.wake_for_new_subscriptions();
            Ok(())
        })
        .await
    }

    /// All topics, by name.
    pub async fn topics(&self) -> Result<Vec<String>, BrokerError> {
        self.call(|_, file| Ok(subscriptions::topics(file)?)).await
    }

    /// All subscriptions, by name.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, BrokerError> {
        self.call(|_, file| {
            let all = subscriptions::all(file)?.into_iter();
            Ok(all.map(|stored| stored.settings).collect())
        })
        .await
    }

    /// One subscription.
    pub async fn subscription(&self, name: &str) -> Result<Subscription, BrokerError> {
        let name = name.to_owned();
        self.call(move |_, file| Ok(subscriptions::by_name(file, &name)?.settings))
            .await
    }
}
