//! The `Documents` port on SQLite.

use async_trait::async_trait;
use fanout_runtime::Clock;
use rusqlite::{OptionalExtension, Savepoint, params, params_from_iter};
use std::sync::Arc;

use super::codec::{self, ForeignFormat};
use super::database::{Database, DatabaseError};
use super::refusal::refusal;
use super::select::Select;
use fanout_store::{
    Collection, CommitError, CommitReceipt, Content, Document, Documents, Fields, Key, Page,
    Precondition, Query, StoreError, Transform, UpdateTime, Value, Write,
};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS documents (
        collection  TEXT NOT NULL,
        id          TEXT NOT NULL,
        fields      TEXT NOT NULL,
        update_time INTEGER NOT NULL,
        PRIMARY KEY (collection, id)
    ) WITHOUT ROWID;
    -- The last version given out: versions never repeat, even when the clock is set back.
    CREATE TABLE IF NOT EXISTS last_update (time INTEGER NOT NULL);
    INSERT INTO last_update SELECT 0 WHERE NOT EXISTS (SELECT * FROM last_update);
";

/// Documents in a [`Database`].
pub struct SqliteDocuments {
    database: Database,
    clock: Arc<dyn Clock>,
}

impl SqliteDocuments {
    /// Documents in this file; `clock` is the store's own, for server timestamps.
    pub async fn open(database: Database, clock: Arc<dyn Clock>) -> Result<Self, DatabaseError> {
        database
            .call::<_, DatabaseError>(|savepoint| Ok(savepoint.execute_batch(SCHEMA)?))
            .await?;
        Ok(Self { database, clock })
    }

    /// The documents in a file of somebody else's ([`Database::open_to_read`]). Every commit fails.
    pub fn reading(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { database, clock }
    }
}

#[async_trait]
impl Documents for SqliteDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let keys = keys.to_vec();
        self.database
            .call(move |savepoint| keys.iter().map(|key| read(savepoint, key)).collect())
            .await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let query = query.clone();
        self.database
            .call(move |savepoint| {
                let select = Select::new(&query);
                let documents = run(savepoint, query.collection, select)?;
                Ok(query.page(documents))
            })
            .await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        if let Some(reason) = refusal(&writes) {
            return Err(StoreError::Refused(reason.into()).into());
        }
        let clock = Arc::clone(&self.clock);
        self.database
            .call(move |savepoint| {
                for (index, write) in writes.iter().enumerate() {
                    check(savepoint, index, write)?;
                }
                let commit = Commit::begin(savepoint, clock.as_ref())?;
                let update_times = writes.into_iter().map(|write| commit.apply(write));
                Ok(CommitReceipt {
                    update_times: update_times.collect::<Result<_, CommitError>>()?,
                })
            })
            .await
    }
}

fn read(savepoint: &Savepoint<'_>, key: &Key) -> Result<Option<Document>, StoreError> {
    let row: Option<(String, i64)> = savepoint
        .prepare_cached(
            "SELECT fields, update_time FROM documents WHERE collection = ?1 AND id = ?2",
        )
        .and_then(|mut statement| {
            let columns = params![key.collection(), key.id()];
            statement
                .query_row(columns, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(DatabaseError::from)?;
    row.map(|(fields, update_time)| {
        Ok(Document {
            key: key.clone(),
            fields: codec::decode(&fields)?,
            update_time: UpdateTime(update_time),
        })
    })
    .transpose()
}

fn run(
    savepoint: &Savepoint<'_>,
    collection: &'static Collection,
    select: Select,
) -> Result<Vec<Document>, StoreError> {
    let mut statement = savepoint
        .prepare_cached(&select.sql)
        .map_err(DatabaseError::from)?;
    let rows = statement
        .query_map(params_from_iter(select.parameters), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .and_then(Iterator::collect::<Result<Vec<(String, String, i64)>, _>>)
        .map_err(DatabaseError::from)?;
    let document = |(id, fields, update_time): (String, String, i64)| {
        Ok(Document {
            key: Key::stored(collection, id),
            fields: codec::decode(&fields)?,
            update_time: UpdateTime(update_time),
        })
    };
    rows.into_iter().map(document).collect()
}

fn check(savepoint: &Savepoint<'_>, index: usize, write: &Write) -> Result<(), CommitError> {
    if write.precondition == Precondition::None {
        return Ok(());
    }
    let current = read(savepoint, &write.key)?.map(|document| document.update_time);
    match write.precondition.violation(current) {
        Some(violation) => Err(write.conflict(index, violation).into()),
        None => Ok(()),
    }
}

/// The writes of one commit share one version and one server time.
struct Commit<'a, 'b> {
    savepoint: &'a Savepoint<'b>,
    version: i64,
    now: fanout_runtime::Timestamp,
}

impl<'a, 'b> Commit<'a, 'b> {
    fn begin(savepoint: &'a Savepoint<'b>, clock: &dyn Clock) -> Result<Self, CommitError> {
        let now = clock.now();
        let nanoseconds = now.timestamp_nanos_opt().unwrap_or_default();
        let version = savepoint
            .prepare_cached("UPDATE last_update SET time = max(time + 1, ?1) RETURNING time")
            .and_then(|mut statement| statement.query_row([nanoseconds], |row| row.get(0)))
            .map_err(DatabaseError::from)?;
        Ok(Self {
            savepoint,
            version,
            now,
        })
    }

    fn apply(&self, write: Write) -> Result<Option<UpdateTime>, CommitError> {
        let mut fields = match write.content {
            Content::Delete => {
                self.delete(&write.key)?;
                return Ok(None);
            }
            Content::Set(fields) => fields,
            Content::Merge(changes, removed) => {
                let before = read(self.savepoint, &write.key)?.map(|document| document.fields);
                let before = before.unwrap_or_default().into_iter();
                before
                    .filter(|(name, _)| !removed.contains(name))
                    .chain(changes)
                    .collect()
            }
        };
        for transform in &write.transforms {
            self.transform(&mut fields, transform);
        }
        self.store(&write.key, &fields).map(Some)
    }

    fn transform(&self, fields: &mut Fields, transform: &Transform) {
        match transform {
            Transform::Increment { field, by } => {
                let after = match fields.get(field) {
                    // Firestore too stops at the largest number instead of going round.
                    Some(Value::Integer(before)) => Value::Integer(before.saturating_add(*by)),
                    Some(Value::Double(before)) => Value::Double(before + *by as f64),
                    None
                    | Some(
                        Value::Null
                        | Value::Boolean(_)
                        | Value::Text(_)
                        | Value::Timestamp(_)
                        | Value::Array(_)
                        | Value::Map(_),
                    ) => Value::Integer(*by),
                };
                fields.set(field, after);
            }
            Transform::ServerTimestamp { field } => fields.set(field, Value::from(self.now)),
        }
    }

    fn delete(&self, key: &Key) -> Result<(), CommitError> {
        self.savepoint
            .prepare_cached("DELETE FROM documents WHERE collection = ?1 AND id = ?2")
            .and_then(|mut statement| statement.execute(params![key.collection(), key.id()]))
            .map_err(DatabaseError::from)?;
        Ok(())
    }

    /// The version is the commit's, or the old one if nothing has changed: so does Firestore.
    fn store(&self, key: &Key, fields: &Fields) -> Result<UpdateTime, CommitError> {
        let sql = "INSERT INTO documents (collection, id, fields, update_time)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET fields = excluded.fields, update_time =
                 iif(fields = excluded.fields, update_time, excluded.update_time)
             RETURNING update_time";
        let row = params![
            key.collection(),
            key.id(),
            codec::encode(fields),
            self.version
        ];
        let update_time = self
            .savepoint
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(row, |row| row.get(0)))
            .map_err(DatabaseError::from)?;
        Ok(UpdateTime(update_time))
    }
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
