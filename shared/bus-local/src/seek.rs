//! Seeking: moving a subscription back or forth in time.

use fanout_runtime::Timestamp;
use rusqlite::Connection;

use super::broker::Broker;
use super::error::BrokerError;
use super::subscriptions::{self, Stored};
use super::{forget, ordering};

impl Broker {
    /// Moves a subscription to a time: what was published before it counts as acked, and what was
    /// published at it or later as not. Acked messages come back only where the subscription
    /// retains them; they are counted from the first delivery again. A delivery that is under way
    /// ends as it ends.
    pub async fn seek(&self, subscription: &str, to: Timestamp) -> Result<(), BrokerError> {
        let name = subscription.to_owned();
        self.call(move |broker, file| {
            let stored = subscriptions::by_name(file, &name)?;
            seek(file, &stored, to, broker.now())?;
            broker.wake();
            Ok(())
        })
        .await
    }
}

fn seek(file: &Connection, stored: &Stored, to: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    // Messages have whole milliseconds: earlier than 12.3 ms is earlier than 13 ms.
    let whole = to.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    let from_ms = to.timestamp_millis() + i64::from(!whole);
    let (id, retains) = (stored.id, stored.settings.retention.acked);
    if retains {
        file.prepare_cached(RETAIN_EARLIER)?
            .execute((id, from_ms))?;
    }
    file.prepare_cached(DROP_EARLIER)?.execute((id, from_ms))?;
    let ordered = stored.settings.ordered;
    let now_ms = now.timestamp_millis();
    file.prepare_cached(BRING_BACK)?
        .execute((id, from_ms, now_ms, ordered))?;
    file.prepare_cached(NO_LONGER_RETAINED)?
        .execute((id, from_ms))?;
    ordering::queue_up(file, id, now)?;
    forget::unwanted(file)
}

const RETAIN_EARLIER: &str = "INSERT INTO retained (message, subscription)
    SELECT message, subscription FROM deliveries WHERE subscription = ?1
        AND (SELECT publish_time_ms FROM messages WHERE id = message) < ?2";

const DROP_EARLIER: &str = "DELETE FROM deliveries WHERE subscription = ?1
    AND (SELECT publish_time_ms FROM messages WHERE id = message) < ?2";

const BRING_BACK: &str =
    "INSERT INTO deliveries (message, subscription, attempts, due_ms, ordering_key)
    SELECT message, subscription, 0, ?3, CASE WHEN ?4 THEN ordering_key ELSE '' END
    FROM retained JOIN messages ON messages.id = retained.message
    WHERE subscription = ?1 AND publish_time_ms >= ?2";

const NO_LONGER_RETAINED: &str = "DELETE FROM retained WHERE subscription = ?1
    AND (SELECT publish_time_ms FROM messages WHERE id = message) >= ?2";
