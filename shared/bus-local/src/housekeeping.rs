//! What must be done now and then: dropping what was kept long enough.

use std::collections::BTreeSet;
use std::time::Duration;

use fanout_runtime::{Shutdown, Timestamp, error_chain};
use rusqlite::Connection;
use tokio::time::sleep;
use tracing::{error, warn};

use super::broker::Broker;
use super::error::BrokerError;
use super::subscriptions::{self, LONGEST_WAIT, Stored};
use super::{forget, ordering, rows};

/// Messages outlive their retention by at most this.
const EVERY: Duration = Duration::from_secs(60);
/// How many messages are dropped in one transaction: others want to write too.
const AT_ONCE: usize = 1_000;

/// Tidies up each minute until `shutdown`.
pub(super) async fn run(broker: &Broker, shutdown: &Shutdown) {
    while !shutdown.is_requested() {
        tokio::select! {
            () = shutdown.requested() => {}
            () = sleep(EVERY) => tidy_up(broker).await,
        }
    }
}

/// Drops the messages whose retention is over, and wakes those that sleep for too long because the
/// clock was set back.
pub(super) async fn tidy_up(broker: &Broker) {
    let all = async {
        while !broker.call(tidy_up_some).await? {}
        Ok::<_, BrokerError>(())
    };
    if let Err(error) = all.await {
        let error = error_chain(&error);
        error!(error, "cannot drop messages whose retention is over");
    }
}

/// Whether that was all.
fn tidy_up_some(broker: &Broker, file: &Connection) -> Result<bool, BrokerError> {
    let now = broker.now();
    let mut all = true;
    for stored in subscriptions::all(file)? {
        let dropped = drop_expired(file, &stored, now)?;
        all &= dropped < AT_ONCE;
        let woken = wake_late(file, stored.id, now)?;
        if dropped + woken > 0 {
            broker.wake();
        }
    }
    Ok(all)
}

fn drop_expired(file: &Connection, stored: &Stored, now: Timestamp) -> rusqlite::Result<usize> {
    // An id is the microsecond of publishing, or a later one.
    let kept_ms = rows::milliseconds(stored.settings.retention.period);
    let oldest_ms = now.timestamp_millis().saturating_sub(kept_ms);
    let oldest = oldest_ms.saturating_mul(1_000);
    let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let expired = |sql: &str| -> rusqlite::Result<Vec<(i64, String)>> {
        file.prepare_cached(sql)?
            .query_map((stored.id, oldest, most), |row| row.try_into())?
            .collect()
    };
    let unacked = expired(DROP_UNACKED)?;
    let retained = expired(DROP_RETAINED)?;
    if !unacked.is_empty() {
        let (subscription, dropped) = (stored.settings.name.as_str(), unacked.len());
        warn!(
            subscription,
            dropped, "messages were not acked within the retention and are dropped"
        );
    }
    let keys: BTreeSet<&String> = unacked
        .iter()
        .map(|(_, ordering_key)| ordering_key)
        .collect();
    for ordering_key in keys {
        ordering::release_next(file, stored.id, ordering_key, now)?;
    }
    for (message, _) in unacked.iter().chain(&retained) {
        forget::if_unwanted(file, *message)?;
    }
    Ok(unacked.len().max(retained.len()))
}

// The plus keeps SQLite from looking at all that the subscription has: the oldest come first.
pub(super) const DROP_UNACKED: &str = "DELETE FROM deliveries WHERE subscription = ?1
    AND message IN (SELECT message FROM deliveries
        WHERE +subscription = ?1 AND message < ?2 ORDER BY message LIMIT ?3)
    RETURNING message, ordering_key";

pub(super) const DROP_RETAINED: &str = "DELETE FROM retained WHERE subscription = ?1
    AND message IN (SELECT message FROM retained
        WHERE +subscription = ?1 AND message < ?2 ORDER BY message LIMIT ?3)
    RETURNING message, ''";

/// No wait is longer than [`LONGEST_WAIT`]: what is due later was put off by a clock that has been
/// set back since.
fn wake_late(file: &Connection, subscription: i64, now: Timestamp) -> rusqlite::Result<usize> {
    let now_ms = now.timestamp_millis();
    let latest = now_ms.saturating_add(rows::milliseconds(LONGEST_WAIT));
    file.prepare_cached(
        "UPDATE deliveries SET due_ms = ?2 WHERE subscription = ?1 AND due_ms > ?3",
    )?
    .execute((subscription, now_ms, latest))
}
