//! What waits to be delivered, for who asks beside a running broker.

use std::collections::BTreeMap;

use fanout_runtime::Timestamp;
use fanout_store_sqlite::{Database, DatabaseError};

use super::rows::{Count, Time};

/// What a subscription has not acked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// How many messages.
    pub messages: u64,
    /// When the first of them was published: the oldest, unless the clock was set back.
    pub oldest: Timestamp,
}

/// The backlog of each subscription that has one, by its name. Reads only: a file that another process
/// owns will do.
pub async fn backlogs(database: &Database) -> Result<BTreeMap<String, Backlog>, DatabaseError> {
    database
        .read::<_, DatabaseError>(|file| {
            let mut statement = file.prepare(BACKLOGS)?;
            let backlogs = statement.query_map([], |row| {
                let (name, Count(messages), Time(oldest)) = row.try_into()?;
                Ok((name, Backlog { messages, oldest }))
            })?;
            Ok(backlogs.collect::<Result<_, _>>()?)
        })
        .await
}

// Counted in an index alone: it is asked each second, beside all other reads.
pub(super) const BACKLOGS: &str = "
    WITH backlogs AS MATERIALIZED (
        SELECT subscription, count(*) AS messages, min(message) AS first
        FROM deliveries GROUP BY subscription)
    SELECT subscriptions.name, backlogs.messages, messages.publish_time_ms
    FROM backlogs
    JOIN subscriptions ON subscriptions.id = backlogs.subscription
    JOIN messages ON messages.id = backlogs.first";
