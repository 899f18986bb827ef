//! The tables: one for each collection, with its declared indexes.

use fanout_runtime::Timestamp;
use fanout_store::{Collection, Order, Value, ascending};
use rusqlite::{Connection, OptionalExtension, params};

use super::database::DatabaseError;
use super::expressions::{MOMENT, is_present, quoted, rank_of, sql_value, value_of};
use super::select::{index_column, keyword, tie_direction};

/// What there is beside the collections.
pub(super) const SCHEMA: &str = "
    -- What was declared when a collection was last met: what has expired goes even from those that
    -- are not met any more.
    CREATE TABLE IF NOT EXISTS collections (
        name       TEXT NOT NULL PRIMARY KEY,
        expires_by TEXT
    );
    -- The last version given out: versions never repeat, even when the clock is set back.
    CREATE TABLE IF NOT EXISTS last_update (time INTEGER NOT NULL);
    INSERT INTO last_update SELECT 0 WHERE NOT EXISTS (SELECT * FROM last_update);
";

/// How many expired documents of a collection go at once: a commit waits for no more than this.
const BATCH: usize = 50;

/// A collection's table. The broker's tables lie in the same file.
pub(super) fn table(collection: &str) -> String {
    quoted(&table_name(collection))
}

fn table_name(collection: &str) -> String {
    format!("documents_{collection}")
}

/// An index is named by what it is on, so one that is declared otherwise is another.
pub(super) fn index_name(collection: &str, index: &[Order]) -> String {
    format!("{} on {}", table_name(collection), Order::list(index))
}

/// Brings the table of a collection to what is declared.
pub(super) fn declare(file: &Connection, collection: &Collection) -> Result<(), DatabaseError> {
    let Collection { name, .. } = collection;
    file.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {} (
            id          TEXT NOT NULL PRIMARY KEY,
            fields      TEXT NOT NULL,
            update_time INTEGER NOT NULL
        )",
        table(name)
    ))?;
    let expiry = collection.expires_by.map(|field| [ascending(field)]);
    let mut wanted: Vec<&[Order]> = collection.indexes.to_vec();
    wanted.extend(expiry.as_ref().map(<[Order; 1]>::as_slice));
    drop_all_but(file, name, &wanted)?;
    for index in wanted {
        file.execute_batch(&create_index(name, index))?;
    }
    let declared = "INSERT OR REPLACE INTO collections VALUES (?1, ?2)";
    file.execute(declared, params![name, collection.expires_by])?;
    Ok(())
}

fn drop_all_but(
    file: &Connection,
    collection: &str,
    wanted: &[&[Order]],
) -> Result<(), DatabaseError> {
    let wanted: Vec<String> = wanted.iter().map(|it| index_name(collection, it)).collect();
    let mut statement = file.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
    )?;
    let names = statement
        .query_map([table_name(collection)], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    for name in names.iter().filter(|name| !wanted.contains(name)) {
        file.execute_batch(&format!("DROP INDEX {}", quoted(name)))?;
    }
    Ok(())
}

/// Documents that lack a field are not in the index, nor does any query find them by it.
fn create_index(collection: &str, index: &[Order]) -> String {
    let columns: Vec<String> = index.iter().map(index_column).collect();
    let present: Vec<String> = index.iter().map(|by| is_present(by.field)).collect();
    format!(
        "CREATE INDEX IF NOT EXISTS {} ON {} ({}, id {}) WHERE {}",
        quoted(&index_name(collection, index)),
        table(collection),
        columns.join(", "),
        keyword(tie_direction(index)),
        present.join(" AND ")
    )
}

/// Whether there is such a table: not before the collection is first met.
pub(super) fn exists(file: &Connection, collection: &Collection) -> Result<bool, DatabaseError> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let found = file
        .prepare_cached(sql)?
        .query_row([table_name(collection.name)], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Deletes a batch of the documents that have expired; true if there may be more.
pub(super) fn sweep(file: &Connection, now: Timestamp) -> Result<bool, DatabaseError> {
    let sql = "SELECT name, expires_by FROM collections WHERE expires_by IS NOT NULL";
    let expiring = file
        .prepare_cached(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    let mut more = false;
    for (collection, field) in expiring {
        let delete = sweep_sql(&collection, &field);
        let now = sql_value(&Value::from(now));
        more |= file.prepare_cached(&delete)?.execute([now])? == BATCH;
    }
    Ok(more)
}

fn sweep_sql(collection: &str, field: &str) -> String {
    let table = table(collection);
    let (present, rank, value) = (is_present(field), rank_of(field), value_of(field));
    format!(
        "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table}
            WHERE {present} AND {rank} = {MOMENT} AND {value} <= ?1 LIMIT {BATCH})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[tokio::test]
    async fn looking_for_what_has_expired_walks_over_nothing_else() {
        const NOTES: &Collection = &Collection::named("notes").expires_by("expires_at");
        let database = Database::in_memory().unwrap();
        let plan = database.call(|file| {
            file.execute_batch(SCHEMA)?;
            declare(file, NOTES)?;
            let sweep = sweep_sql("notes", "expires_at");
            let mut explain = file.prepare(&format!("EXPLAIN QUERY PLAN {sweep}"))?;
            let plan = explain.query_map(["x"], |row| row.get(3))?;
            Ok::<_, DatabaseError>(plan.collect::<Result<Vec<String>, _>>()?)
        });
        let plan = plan.await.unwrap().join("; ");
        let range = "USING INDEX documents_notes on expires_at (<expr>=? AND <expr><?)";
        assert!(plan.contains(range), "{plan}");
        assert!(!plan.contains("SCAN documents"), "{plan}");
    }
}
