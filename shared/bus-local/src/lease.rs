//! Taking due messages out of the file for delivery. The rows stay: only an ack deletes them.

use std::collections::HashSet;

use fanout_runtime::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::broker::Broker;
use super::flow_control::Room;
use super::rows::{Attributes, Time};
use super::subscriptions::Stored;
use fanout_bus::PushedMessage;

/// One message on its way to one subscription.
#[derive(Debug)]
pub(super) struct LeasedMessage {
    pub(super) message_id: i64,
    /// Which delivery this is, from 1.
    pub(super) attempt: u32,
    /// How much memory the message takes, about.
    pub(super) bytes: usize,
    pub(super) message: PushedMessage,
}

/// The path of a subscription, as it stands in every delivery.
pub(super) fn subscription_path(project: &str, name: &str) -> String {
    format!("projects/{project}/subscriptions/{name}")
}

/// The messages that are due and not in flight, in order of due time, then of publishing.
pub(super) fn due(
    file: &Connection,
    subscription: i64,
    now: Timestamp,
    in_flight: &HashSet<i64>,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    // Those in flight are due too; they stand first and are passed over.
    let most_rows = i64::try_from(most + in_flight.len()).unwrap_or(i64::MAX);
    let mut statement = file.prepare_cached(DUE)?;
    let rows = statement.query_map((subscription, now.timestamp_millis(), most_rows), |row| {
        row.get(0)
    })?;
    rows.filter(|message| !matches!(message, Ok(id) if in_flight.contains(id)))
        .take(most)
        .collect()
}

pub(super) const DUE: &str = "SELECT message FROM deliveries
    WHERE subscription = ?1 AND due_ms <= ?2 ORDER BY due_ms, message LIMIT ?3";

/// When the next message becomes due that is not due yet.
pub(super) fn next_due(
    file: &Connection,
    subscription: i64,
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    file.prepare_cached(NEXT_DUE)?
        .query_row((subscription, now.timestamp_millis()), |row| {
            row.get(0).map(|Time(due)| due)
        })
        .optional()
}

pub(super) const NEXT_DUE: &str = "SELECT due_ms FROM deliveries
    WHERE subscription = ?1 AND due_ms > ?2 ORDER BY due_ms LIMIT 1";

/// Reads as many of these messages as there is room for.
pub(super) fn load(
    broker: &Broker,
    file: &Connection,
    stored: &Stored,
    messages: &[i64],
    room: Room,
) -> rusqlite::Result<Vec<LeasedMessage>> {
    let path = subscription_path(broker.project(), &stored.settings.name);
    let mut statement = file.prepare_cached(LOAD)?;
    let mut deliveries = Vec::new();
    let mut bytes = 0;
    for message in messages.iter().take(room.messages) {
        if bytes >= room.bytes {
            break;
        }
        let counted = stored.settings.dead_letters.is_some();
        let delivery =
            statement.query_row((message, stored.id), |row| delivery(row, &path, counted))?;
        bytes += delivery.bytes;
        deliveries.push(delivery);
    }
    Ok(deliveries)
}

pub(super) const LOAD: &str =
    "SELECT id, attempts, publish_time_ms, messages.ordering_key, attributes, data
    FROM deliveries JOIN messages ON messages.id = deliveries.message
    WHERE deliveries.message = ?1 AND subscription = ?2";

/// `counted`: whether the subscription says which delivery it is.
fn delivery(row: &Row<'_>, path: &str, counted: bool) -> rusqlite::Result<LeasedMessage> {
    let (message_id, failed, Time(publish_time), ordering_key, Attributes(attributes), data): (
        i64,
        u32,
        Time,
        String,
        Attributes,
        Vec<u8>,
    ) = row.try_into()?;
    let attempt = failed.saturating_add(1);
    let of_attributes = attributes
        .iter()
        .map(|(name, value)| name.len() + value.len());
    Ok(LeasedMessage {
        message_id,
        attempt,
        bytes: data.len() + of_attributes.sum::<usize>(),
        message: PushedMessage {
            message_id: message_id.to_string(),
            publish_time,
            data: data.into(),
            attributes,
            ordering_key,
            subscription: path.to_owned(),
            delivery_attempt: counted.then_some(attempt),
        },
    })
}
