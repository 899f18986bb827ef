//! The queues of ordering keys: of each key only the first message that waits is due, the others
//! have no due time until it is acked.

use fanout_runtime::Timestamp;
use rusqlite::Connection;

/// Lets the first message with this key go, if none is on its way; whether there was one.
pub(super) fn release_next(
    file: &Connection,
    subscription: i64,
    ordering_key: &str,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    if ordering_key.is_empty() {
        return Ok(false);
    }
    // SQLite would keep a table of its own for an UPDATE that finds its row by a subquery.
    let first: Option<i64> = file
        .prepare_cached(FIRST_OF_KEY)?
        .query_row((subscription, ordering_key), |row| row.get(0))?;
    let Some(first) = first else {
        return Ok(false);
    };
    let released = file
        .prepare_cached(
            "UPDATE deliveries SET due_ms = ?3
             WHERE message = ?2 AND subscription = ?1 AND due_ms IS NULL",
        )?
        .execute((subscription, first, now.timestamp_millis()))?;
    Ok(released > 0)
}

// `<> ''` follows from the line above; without it SQLite does not use the index, which is a partial one.
pub(super) const FIRST_OF_KEY: &str = "SELECT min(message) FROM deliveries
    WHERE subscription = ?1 AND ordering_key = ?2 AND ordering_key <> ''";

/// Puts all queues of a subscription right, after rows came or went anywhere in them.
pub(super) fn queue_up(
    file: &Connection,
    subscription: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    file.prepare_cached(WAIT_FOR_EARLIER)?
        .execute([subscription])?;
    file.prepare_cached(RELEASE_FIRST)?
        .execute((subscription, now.timestamp_millis()))?;
    Ok(())
}

const WAIT_FOR_EARLIER: &str = "UPDATE deliveries SET due_ms = NULL
    WHERE subscription = ?1 AND ordering_key <> '' AND due_ms IS NOT NULL
        AND EXISTS (SELECT 1 FROM deliveries AS earlier
            WHERE earlier.subscription = deliveries.subscription
                AND earlier.ordering_key = deliveries.ordering_key
                AND earlier.ordering_key <> '' AND earlier.message < deliveries.message)";

const RELEASE_FIRST: &str = "UPDATE deliveries SET due_ms = ?2
    WHERE subscription = ?1 AND ordering_key <> '' AND due_ms IS NULL
        AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier
            WHERE earlier.subscription = deliveries.subscription
                AND earlier.ordering_key = deliveries.ordering_key
                AND earlier.ordering_key <> '' AND earlier.message < deliveries.message)";

/// The waiting messages of a subscription that from now on keeps order, or no longer does.
pub(super) fn change(
    file: &Connection,
    subscription: i64,
    ordered: bool,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if !ordered {
        file.prepare_cached(
            "UPDATE deliveries SET due_ms = coalesce(due_ms, ?2), ordering_key = ''
             WHERE subscription = ?1",
        )?
        .execute((subscription, now.timestamp_millis()))?;
        return Ok(());
    }
    file.prepare_cached(
        "UPDATE deliveries SET ordering_key =
             (SELECT ordering_key FROM messages WHERE messages.id = deliveries.message)
         WHERE subscription = ?1",
    )?
    .execute([subscription])?;
    queue_up(file, subscription, now)
}
