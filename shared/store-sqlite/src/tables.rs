//! The tables: one for each collection, with a column for each indexed field, and its declared indexes.

use std::collections::BTreeSet;
use std::fmt;

use fanout_runtime::Timestamp;
use fanout_store::{Collection, Comparison, Direction, Order, Value, ascending};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::codec;
use super::database::DatabaseError;
use super::select::{keyword, sorted};
use super::sort_key::{KeyRange, sort_key};

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
/// What the name of a field's column begins with.
const BY: &str = "by ";
/// What the name of a collection's table begins with.
const DOCUMENTS: &str = "documents_";
/// SQL's name for what makes a sort key of a field.
const SORT_KEY: &str = "sort_key";

/// A name as it stands in SQL, in quotes: a prefix of ours, and what a declaration says.
#[derive(Clone, Copy)]
pub(super) struct Quoted<'a>(&'static str, &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(prefix, name) = self;
        f.write_str("\"")?;
        f.write_str(prefix)?;
        for (place, part) in name.split('"').enumerate() {
            f.write_str(if place == 0 { "" } else { "\"\"" })?;
            f.write_str(part)?;
        }
        f.write_str("\"")
    }
}

pub(super) fn quoted(name: &str) -> Quoted<'_> {
    Quoted("", name)
}

/// A collection's table. The broker's tables lie in the same file.
pub(super) fn table(collection: &str) -> Quoted<'_> {
    Quoted(DOCUMENTS, collection)
}

fn table_name(collection: &str) -> String {
    format!("{DOCUMENTS}{collection}")
}

/// An index is named by what it is on, so one that is declared otherwise is another.
pub(super) fn index_name(collection: &str, index: &[Order]) -> String {
    format!("{} on {}", table_name(collection), Order::list(index))
}

/// The column with a field's [`sort_key`]; SQL's NULL where a document lacks the field.
pub(super) fn column(field: &str) -> Quoted<'_> {
    Quoted(BY, field)
}

/// The fields that have a column: those of the indexes, and that of the expiry.
pub(super) fn indexed_fields(collection: &Collection) -> BTreeSet<&'static str> {
    let indexes = collection.indexes.iter().copied().flatten();
    let fields = indexes.map(|by| by.field);
    fields.chain(collection.expires_by).collect()
}

/// Brings the table of a collection to what is declared.
pub(super) fn declare(file: &Connection, collection: &Collection) -> Result<(), DatabaseError> {
    let Collection { name, .. } = collection;
    let expiry = collection.expires_by.map(|field| [ascending(field)]);
    let mut wanted: Vec<&[Order]> = collection.indexes.to_vec();
    wanted.extend(expiry.as_ref().map(<[Order; 1]>::as_slice));
    let fields = indexed_fields(collection);
    if exists(file, collection)? {
        drop_indexes_but(file, name, &wanted)?;
        change_columns(file, name, &fields)?;
    } else {
        create_table(file, name, &fields)?;
    }
    for index in wanted {
        let columns: Vec<_> = index.iter().map(|by| (by.field, by.direction)).collect();
        file.execute_batch(&create_index(name, &index_name(name, index), &columns))?;
    }
    let declared = "INSERT OR REPLACE INTO collections VALUES (?1, ?2)";
    file.execute(declared, params![name, collection.expires_by])?;
    Ok(())
}

/// From the first version of a file to the second: the same indexes, on columns instead of on
/// expressions. Their names say what they are on.
pub(super) fn move_indexes_to_columns(file: &Connection) -> rusqlite::Result<()> {
    let mut indexes = file.prepare(
        "SELECT substr(tbl_name, 11), name FROM sqlite_schema
            WHERE type = 'index' AND name GLOB 'documents_* on *' ORDER BY 1",
    )?;
    let indexes = indexes
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    for of_one in indexes.chunk_by(|(a, _), (b, _)| a == b) {
        let [(collection, _), ..] = of_one else {
            continue;
        };
        let wanted: Vec<_> = of_one.iter().map(|(_, name)| named_in(name)).collect();
        let fields = wanted.iter().flatten().map(|(field, _)| *field);
        drop_indexes_but(file, collection, &[])?;
        change_columns(file, collection, &fields.collect())?;
        for ((_, name), columns) in of_one.iter().zip(&wanted) {
            file.execute_batch(&create_index(collection, name, columns))?;
        }
    }
    Ok(())
}

/// What an index is on, by its [`index_name`].
fn named_in(index: &str) -> Vec<(&str, Direction)> {
    let (_, list) = index.split_once(" on ").unwrap_or_default();
    let column = |by| match str::strip_suffix(by, " descending") {
        Some(field) => (field, Direction::Descending),
        None => (by, Direction::Ascending),
    };
    list.split(", ").map(column).collect()
}

/// With all columns at once: after each one that is added, SQLite reads its whole schema again.
fn create_table(
    file: &Connection,
    collection: &str,
    fields: &BTreeSet<&str>,
) -> rusqlite::Result<()> {
    let columns = fields.iter().map(|it| format!(", {} BLOB", column(it)));
    file.execute_batch(&format!(
        "CREATE TABLE {} (
            id          TEXT NOT NULL PRIMARY KEY,
            fields      TEXT NOT NULL,
            update_time INTEGER NOT NULL
            {}
        )",
        table(collection),
        columns.collect::<String>()
    ))
}

/// Adds and drops columns, so that it has these.
fn change_columns(
    file: &Connection,
    collection: &str,
    fields: &BTreeSet<&str>,
) -> rusqlite::Result<()> {
    let table = table(collection);
    let there = fields_with_column(file, collection)?;
    for field in there.iter().filter(|it| !fields.contains(it.as_str())) {
        file.execute_batch(&format!(
            "ALTER TABLE {table} DROP COLUMN {}",
            column(field)
        ))?;
    }
    let new: Vec<&str> = fields
        .iter()
        .copied()
        .filter(|it| !there.contains(*it))
        .collect();
    for field in &new {
        file.execute_batch(&format!(
            "ALTER TABLE {table} ADD COLUMN {} BLOB",
            column(field)
        ))?;
    }
    if !new.is_empty() {
        add_sort_key(file)?;
        let key_of = |field: &&str| format!("{} = {SORT_KEY}(fields, ?)", column(field));
        let keys: Vec<String> = new.iter().map(key_of).collect();
        let fill = format!("UPDATE {table} SET {}", keys.join(", "));
        file.execute(&fill, params_from_iter(&new))?;
    }
    Ok(())
}

/// The fields that have a column; none if there is no table.
fn fields_with_column(file: &Connection, collection: &str) -> rusqlite::Result<BTreeSet<String>> {
    let mut columns = file.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names = columns
        .query_map([table_name(collection)], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let fields = names.iter().filter_map(|name| name.strip_prefix(BY));
    Ok(fields.map(str::to_owned).collect())
}

/// Lets SQL make the sort keys of documents that are there already. One that cannot be read has none;
/// whoever reads it is told.
fn add_sort_key(file: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    file.create_scalar_function(SORT_KEY, 2, flags, |arguments| {
        let (fields, field): (String, String) = (arguments.get(0)?, arguments.get(1)?);
        let fields = codec::decode(&fields).ok();
        Ok(fields.and_then(|fields| fields.get(&field).map(sort_key)))
    })
}

fn drop_indexes_but(
    file: &Connection,
    collection: &str,
    wanted: &[&[Order]],
) -> rusqlite::Result<()> {
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
fn create_index(collection: &str, name: &str, index: &[(&str, Direction)]) -> String {
    let columns = index
        .iter()
        .map(|(field, direction)| sorted(field, *direction));
    let present = index
        .iter()
        .map(|(field, _)| format!("{} IS NOT NULL", column(field)));
    let tie = index.last().map_or(Direction::Ascending, |(_, last)| *last);
    format!(
        "CREATE INDEX IF NOT EXISTS {} ON {} ({}, id {}) WHERE {}",
        quoted(name),
        table(collection),
        columns.collect::<Vec<_>>().join(", "),
        keyword(tie),
        present.collect::<Vec<_>>().join(" AND ")
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

/// Refuses a table that lacks a column of an index: its owner has not met the collection as it is
/// declared here.
pub(super) fn check_columns(
    file: &Connection,
    collection: &Collection,
    index: &[Order],
) -> Result<(), DatabaseError> {
    let there = fields_with_column(file, collection.name)?;
    if index.iter().all(|by| there.contains(by.field)) {
        return Ok(());
    }
    Err(DatabaseError::DeclaredOtherwise(collection.name))
}

/// Deletes a batch of the documents that have expired; true if there may be more.
pub(super) fn sweep(file: &Connection, now: Timestamp) -> Result<bool, DatabaseError> {
    let sql = "SELECT name, expires_by FROM collections WHERE expires_by IS NOT NULL";
    let expiring = file
        .prepare_cached(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    let past = KeyRange::whole().compared(Comparison::AtMost, &Value::from(now));
    let mut more = false;
    for (collection, field) in expiring {
        let delete = sweep_sql(&collection, &field);
        let KeyRange { from, before } = past.clone();
        more |= file.prepare_cached(&delete)?.execute([from, before])? == BATCH;
    }
    Ok(more)
}

fn sweep_sql(collection: &str, field: &str) -> String {
    let (table, column) = (table(collection), column(field));
    format!(
        "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table}
            WHERE {column} >= ?1 AND {column} < ?2 LIMIT {BATCH})"
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
            let plan = explain.query_map([[1], [2]], |row| row.get(3))?;
            Ok::<_, DatabaseError>(plan.collect::<Result<Vec<String>, _>>()?)
        });
        let plan = plan.await.unwrap().join("; ");
        let range = "USING COVERING INDEX documents_notes on expires_at (by expires_at>? AND by expires_at<?)";
        assert!(plan.contains(range), "{plan}");
        assert!(!plan.contains("SCAN documents"), "{plan}");
    }
}
