//! The broker's tables, in the file that it shares with the document store.

use rusqlite::Connection;

/// Creates what is missing; run at every start.
pub(super) fn prepare(file: &Connection) -> rusqlite::Result<()> {
    file.execute_batch(TABLES)?;
    let known = "SELECT count(*) FROM pragma_table_info('subscriptions') WHERE name = 'wrapping'";
    // A file of an earlier version, whose pushes are all wrapped.
    if file.query_row(known, [], |row| row.get::<_, i64>(0))? == 0 {
        file.execute_batch(
            "ALTER TABLE subscriptions ADD COLUMN wrapping TEXT NOT NULL DEFAULT 'wrapped'",
        )?;
    }
    Ok(())
}

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY) WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS subscriptions (
        id                INTEGER PRIMARY KEY,
        name              TEXT NOT NULL UNIQUE,
        topic             TEXT NOT NULL,
        push_endpoint     TEXT,
        ack_deadline_ms   INTEGER NOT NULL,
        min_backoff_ms    INTEGER NOT NULL,
        max_backoff_ms    INTEGER NOT NULL,
        dead_letter_topic TEXT,
        max_attempts      INTEGER,
        ordered           INTEGER NOT NULL,
        filter            TEXT,
        retention_ms      INTEGER NOT NULL,
        retains_acked     INTEGER NOT NULL,
        wrapping          TEXT NOT NULL DEFAULT 'wrapped'
    );
    CREATE INDEX IF NOT EXISTS subscriptions_by_topic ON subscriptions (topic);

    -- A message that at least one subscription still wants, or retains. The data comes last: reading the other
    -- columns then does not walk through it.
    CREATE TABLE IF NOT EXISTS messages (
        id              INTEGER PRIMARY KEY,
        publish_time_ms INTEGER NOT NULL,
        ordering_key    TEXT NOT NULL,
        attributes      TEXT NOT NULL,
        data            BLOB NOT NULL
    );

    -- One message on its way to one subscription. `due_ms` is the earliest time of the next
    -- delivery; NULL while an earlier message with the same ordering key is not acked. The ordering
    -- key is empty where the subscription does not keep order.
    CREATE TABLE IF NOT EXISTS deliveries (
        message      INTEGER NOT NULL,
        subscription INTEGER NOT NULL,
        attempts     INTEGER NOT NULL,
        due_ms       INTEGER,
        ordering_key TEXT NOT NULL,
        PRIMARY KEY (message, subscription)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (subscription, due_ms, message);
    CREATE INDEX IF NOT EXISTS deliveries_by_key ON deliveries (subscription, ordering_key, message)
        WHERE ordering_key <> '';

    -- A message that a subscription has acked and retains, for seeking back to it.
    CREATE TABLE IF NOT EXISTS retained (
        message      INTEGER NOT NULL,
        subscription INTEGER NOT NULL,
        PRIMARY KEY (message, subscription)
    ) WITHOUT ROWID;

    -- The last message id given out: ids never repeat, even when the clock is set back.
    CREATE TABLE IF NOT EXISTS last_message (id INTEGER NOT NULL);
    INSERT INTO last_message SELECT 0 WHERE NOT EXISTS (SELECT * FROM last_message);
";
