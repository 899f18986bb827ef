//! Messages that nothing refers to any more.

use rusqlite::Connection;

/// Deletes a message that no subscription waits for or retains.
pub(super) fn if_unwanted(file: &Connection, message: i64) -> rusqlite::Result<()> {
    file.prepare_cached(IF_UNWANTED)?.execute([message])?;
    Ok(())
}

pub(super) const IF_UNWANTED: &str = "DELETE FROM messages WHERE id = ?1
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)
    AND NOT EXISTS (SELECT 1 FROM retained WHERE message = ?1)";

/// Deletes all such messages. Looks at every message: for what happens seldom.
pub(super) fn unwanted(file: &Connection) -> rusqlite::Result<()> {
    file.prepare_cached(
        "DELETE FROM messages
         WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE message = id)
             AND NOT EXISTS (SELECT 1 FROM retained WHERE message = id)",
    )?
    .execute([])?;
    Ok(())
}
