//! Publishing: a message and one delivery row for each subscription that wants it.

use async_trait::async_trait;
use fanout_runtime::Timestamp;
use rusqlite::{Connection, named_params};

use super::broker::Broker;
use super::error::BrokerError;
use super::filter::AttributeFilter;
use super::{publish_limits, rows, subscriptions};
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};

/// The `Publisher` port on the embedded broker.
#[derive(Clone)]
pub struct LocalPublisher {
    broker: Broker,
    stored: bool,
}

#[async_trait]
impl Publisher for LocalPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        publish_limits::check_of_a_service(&message)?;
        let broker = &self.broker;
        let mut ids = if self.stored {
            let work = publishing(topic, vec![message])?;
            broker.call_lazily(work).await?
        } else {
            broker.publish(topic, vec![message]).await?
        };
        // One message in, one id out.
        ids.pop()
            .ok_or_else(|| PublishError::Unavailable("the broker gave no message id".into()))
    }
}

impl Broker {
    /// The `Publisher` port on this broker.
    pub fn publisher(&self) -> LocalPublisher {
        LocalPublisher {
            broker: self.clone(),
            stored: false,
        }
    }

    /// The same for messages that an outbox has stored in the broker's own file: they are not synced
    /// by themselves. Where a loss of power takes one, it takes the mark that it was published with
    /// it, as that is committed later into the same log; and the outbox publishes it again.
    pub fn publisher_of_stored(&self) -> LocalPublisher {
        LocalPublisher {
            broker: self.clone(),
            stored: true,
        }
    }

    /// Publishes messages to a topic: all of them or, after an error, none. Durable once it answers.
    pub async fn publish(
        &self,
        topic: &str,
        messages: Vec<OutgoingMessage>,
    ) -> Result<Vec<MessageId>, BrokerError> {
        self.call(publishing(topic, messages)?).await
    }
}

type Published = Result<Vec<MessageId>, BrokerError>;

/// The job that publishes these.
fn publishing(
    topic: &str,
    messages: Vec<OutgoingMessage>,
) -> Result<impl FnMut(&Broker, &Connection) -> Published + Send + use<>, BrokerError> {
    publish_limits::check(&messages)?;
    let topic = topic.to_owned();
    Ok(move |broker: &Broker, file: &Connection| {
        if !subscriptions::topic_exists(file, &topic)? {
            return Err(BrokerError::Unknown("topic", topic.clone()));
        }
        let recipients = Subscribers::of_topic(file, &topic)?;
        let now = broker.now();
        let insert = |message| recipients.insert(file, now, message);
        let ids = messages.iter().map(insert).collect();
        broker.wake();
        ids
    })
}

/// The subscriptions of a topic, as publishing needs them.
pub(super) struct Subscribers(Vec<Subscriber>);

struct Subscriber {
    subscription: i64,
    ordered: bool,
    filter: Option<AttributeFilter>,
}

impl Subscribers {
    pub(super) fn of_topic(file: &Connection, topic: &str) -> Result<Self, BrokerError> {
        let mut statement = file.prepare_cached(
            "SELECT id, ordered, filter, name FROM subscriptions WHERE topic = ?1 ORDER BY id",
        )?;
        let mut rows = statement.query([topic])?;
        let mut recipients = Vec::new();
        while let Some(row) = rows.next()? {
            let (filter, name): (Option<String>, String) = (row.get(2)?, row.get(3)?);
            recipients.push(Subscriber {
                subscription: row.get(0)?,
                ordered: row.get(1)?,
                filter: subscriptions::parse_filter(&name, filter.as_deref())?,
            });
        }
        Ok(Self(recipients))
    }

    /// Stores the message for every subscription that wants it; one that none wants is not kept.
    pub(super) fn insert(
        &self,
        file: &Connection,
        now: Timestamp,
        message: &OutgoingMessage,
    ) -> Result<MessageId, BrokerError> {
        let id = next_message_id(file, now)?;
        let wants = |filter: &AttributeFilter| filter.matches(&message.attributes);
        let mut wanted = false;
        for recipient in &self.0 {
            if recipient.filter.as_ref().is_none_or(wants) {
                let key = if recipient.ordered {
                    message.ordering_key.as_str()
                } else {
                    ""
                };
                insert_delivery(file, now, id, recipient.subscription, key)?;
                wanted = true;
            }
        }
        if wanted {
            insert_message(file, now, id, message)?;
        }
        Ok(MessageId(id.to_string()))
    }
}

/// Message ids are the time in microseconds, pushed on where that would repeat one or go back.
fn next_message_id(file: &Connection, now: Timestamp) -> Result<i64, BrokerError> {
    let last: i64 = file
        .prepare_cached("SELECT id FROM last_message")?
        .query_row([], |row| row.get(0))?;
    let id = now.timestamp_micros().max(last.saturating_add(1));
    file.prepare_cached("UPDATE last_message SET id = ?1")?
        .execute([id])?;
    Ok(id)
}

fn insert_message(
    file: &Connection,
    now: Timestamp,
    id: i64,
    message: &OutgoingMessage,
) -> Result<(), BrokerError> {
    file.prepare_cached(
        "INSERT INTO messages (id, publish_time_ms, ordering_key, attributes, data)
         VALUES (:id, :publish_time_ms, :ordering_key, :attributes, :data)",
    )?
    .execute(named_params! {
        ":id": id,
        ":publish_time_ms": now.timestamp_millis(),
        ":ordering_key": message.ordering_key,
        ":attributes": rows::attributes_json(&message.attributes),
        ":data": message.data.as_ref(),
    })?;
    Ok(())
}

// For the last condition see `ordering::FIRST_OF_KEY`.
pub(super) const ANY_OF_KEY: &str = "SELECT 1 FROM deliveries
    WHERE subscription = ?1 AND ordering_key = ?2 AND ordering_key <> ''";

/// Due now, or once all earlier messages with its ordering key are acked.
fn insert_delivery(
    file: &Connection,
    now: Timestamp,
    message: i64,
    subscription: i64,
    ordering_key: &str,
) -> Result<(), BrokerError> {
    let waits = !ordering_key.is_empty()
        && file
            .prepare_cached(ANY_OF_KEY)?
            .exists((subscription, ordering_key))?;
    let due = (!waits).then(|| now.timestamp_millis());
    file.prepare_cached(
        "INSERT INTO deliveries (message, subscription, attempts, due_ms, ordering_key)
         VALUES (?1, ?2, 0, ?3, ?4)",
    )?
    .execute((message, subscription, due, ordering_key))?;
    Ok(())
}
