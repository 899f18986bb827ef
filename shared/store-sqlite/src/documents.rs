//! The `Documents` port on SQLite.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use fanout_runtime::Clock;
use fanout_store::{
    Collection, CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError,
    UpdateTime, Write, check_writes,
};
use fanout_telemetry::commit_span;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params_from_iter};
use tracing::Instrument as _;

use super::codec::{self, ForeignFormat};
use super::commit::{commit, wrote_nothing};
use super::database::{Database, DatabaseError};
use super::select::Selects;
use super::tables::{self, table};
use super::worker::Answered;

/// Documents in a [`Database`].
pub struct SqliteDocuments {
    database: Database,
    clock: Arc<dyn Clock>,
    tables: Tables,
}

/// What is known of the file's tables.
enum Tables {
    /// They are ours; these are as they are declared.
    Ours(Mutex<HashSet<&'static str>>),
    /// They are as their owner wants them.
    Foreign,
}

/// A document as it is stored.
pub(super) struct Row {
    pub(super) rowid: i64,
    /// The fields in JSON.
    pub(super) fields: String,
    pub(super) version: i64,
}

/// What a [`Row`] is made of.
pub(super) const COLUMNS: &str = "rowid, fields, update_time";

impl SqliteDocuments {
    /// Documents in this file; `clock` is the store's own, for server timestamps.
    pub async fn open(database: Database, clock: Arc<dyn Clock>) -> Result<Self, DatabaseError> {
        database
            .call::<_, DatabaseError>(|file| Ok(file.execute_batch(tables::SCHEMA)?))
            .await?;
        let of_sweeps = Arc::clone(&clock);
        database.add_chore(Box::new(move |file| tables::sweep(file, of_sweeps.now())))?;
        Ok(Self {
            database,
            clock,
            tables: Tables::Ours(Mutex::default()),
        })
    }

    /// The documents in a file that another process owns ([`Database::open_to_read`]). Every commit
    /// fails.
    pub fn reading(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            clock,
            tables: Tables::Foreign,
        }
    }

    /// How SQLite finds a page of this query: a line for each step, statement by statement. For
    /// tests that all of it comes from an index.
    pub async fn plan(&self, query: &Query) -> Result<Vec<String>, StoreError> {
        self.declare([query.collection]).await?;
        let selects = Selects::new(query, self.tables.are_ours())?;
        let plan = move |file: &Connection| {
            let mut steps = Vec::new();
            for (sql, parameters) in selects.statements() {
                let mut explain = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let rows = explain.query_map(params_from_iter(parameters), |row| row.get(3))?;
                steps.extend(rows.collect::<Result<Vec<String>, _>>()?);
            }
            Ok::<_, DatabaseError>(steps)
        };
        Ok(self.database.read(plan).await?)
    }

    /// Makes the tables of collections that are met for the first time, before the job that needs
    /// them: what a job makes goes if it fails.
    async fn declare(
        &self,
        collections: impl IntoIterator<Item = &'static Collection>,
    ) -> Result<(), DatabaseError> {
        let Tables::Ours(declared) = &self.tables else {
            return Ok(());
        };
        let lock = || declared.lock().unwrap_or_else(PoisonError::into_inner);
        let new: HashSet<&'static Collection> = {
            let declared = lock();
            let collections = collections.into_iter();
            collections
                .filter(|it| !declared.contains(it.name))
                .collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = new.iter().map(|collection| collection.name).collect();
        let declare = move |file: &Connection| {
            new.iter()
                .try_for_each(|collection| tables::declare(file, collection))
        };
        self.database.call::<_, DatabaseError>(declare).await?;
        lock().extend(names);
        Ok(())
    }

    async fn commit_until(
        &self,
        answered: Answered,
        writes: Vec<Write>,
    ) -> Result<CommitReceipt, CommitError> {
        check_writes(&writes)?;
        self.declare(writes.iter().map(|write| write.key.declared()))
            .await?;
        let clock = Arc::clone(&self.clock);
        let span = commit_span("sqlite", writes.len());
        let commit = move |file: &Connection| commit(file, clock.as_ref(), &writes);
        self.database
            .call_checked(commit, wrote_nothing, answered)
            .instrument(span)
            .await
    }
}

impl Tables {
    fn are_ours(&self) -> bool {
        matches!(self, Self::Ours(_))
    }
}

#[async_trait]
impl Documents for SqliteDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.declare(keys.iter().map(Key::declared)).await?;
        let (keys, ours) = (keys.to_vec(), self.tables.are_ours());
        self.database
            .read(move |file| {
                let found = keys.into_iter().map(|key| {
                    if !ours && !tables::exists(file, key.declared())? {
                        return Ok(None);
                    }
                    let row = find(file, &key)?;
                    row.map(|row| document(key, &row)).transpose()
                });
                found.collect()
            })
            .await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.declare([query.collection]).await?;
        let (query, ours) = (query.clone(), self.tables.are_ours());
        let selects = Selects::new(&query, ours)?;
        if query.can_wait {
            self.database.turn_to_list().await;
        }
        self.database
            .read(move |file| {
                if !ours {
                    if !tables::exists(file, query.collection)? {
                        return Ok(query.page(Vec::new()));
                    }
                    let index = query.index()?.unwrap_or_default();
                    tables::check_columns(file, query.collection, index)?;
                }
                let mut documents = Vec::new();
                for (sql, parameters) in selects.statements() {
                    let limit = (query.limit as usize).saturating_sub(documents.len());
                    if limit == 0 {
                        break;
                    }
                    run(
                        file,
                        query.collection,
                        &sql,
                        limit,
                        parameters,
                        &mut documents,
                    )?;
                }
                Ok(query.page(documents))
            })
            .await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.commit_until(Answered::Synced, writes).await
    }

    async fn commit_lazily(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.commit_until(Answered::Committed, writes).await
    }
}

pub(super) fn find(file: &Connection, key: &Key) -> Result<Option<Row>, DatabaseError> {
    let table = table(key.collection());
    let sql = format!("SELECT {COLUMNS} FROM {table} WHERE id = ?1");
    let mut statement = file.prepare_cached(&sql)?;
    let row = statement.query_row([key.id()], Row::of);
    Ok(row.optional()?)
}

impl Row {
    /// Of these [`COLUMNS`].
    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            rowid: row.get(0)?,
            fields: row.get(1)?,
            version: row.get(2)?,
        })
    }
}

fn document(key: Key, row: &Row) -> Result<Document, StoreError> {
    // An operator has to find it, among all that a query covers.
    let fields = codec::decode(&row.fields)
        .map_err(|error| StoreError::Refused(format!("{key}: {error}").into()))?;
    Ok(Document {
        key,
        fields,
        update_time: UpdateTime(row.version),
    })
}

/// Adds what a statement finds to the documents.
fn run(
    file: &Connection,
    collection: &'static Collection,
    sql: &str,
    limit: usize,
    parameters: &[Sql],
    documents: &mut Vec<Document>,
) -> Result<(), StoreError> {
    let limit = Sql::Integer(i64::try_from(limit).unwrap_or(i64::MAX));
    let others = parameters.iter().skip(1).cloned();
    let rows = file
        .prepare_cached(sql)
        .and_then(|mut statement| {
            let parameters = params_from_iter([limit].into_iter().chain(others));
            let rows = statement.query_map(parameters, |row| Ok((row.get(3)?, Row::of(row)?)))?;
            rows.collect::<Result<Vec<(String, Row)>, _>>()
        })
        .map_err(DatabaseError::from)?;
    for (id, row) in rows {
        documents.push(document(Key::stored(collection, id), &row)?);
    }
    Ok(())
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<DatabaseError> for CommitError {
    fn from(error: DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

impl From<ForeignFormat> for StoreError {
    fn from(error: ForeignFormat) -> Self {
        Self::Refused(error.into())
    }
}
