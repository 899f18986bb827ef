//! One commit: its writes share one version.
//!
//! First all is found out that can be wrong with it, then it is written: of a commit that is refused
//! nothing has to be undone.

use std::borrow::Cow;

use fanout_runtime::Clock;
use fanout_store::{
    CommitError, CommitReceipt, Content, Fields, Increment, Key, StoreError, UpdateTime, Value,
    Write, check_document,
};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, ParamsFromIter, params_from_iter};

use super::codec;
use super::database::DatabaseError;
use super::documents::{Row, find};
use super::sort_key::sort_key;
use super::tables::{Quoted, column, indexed_fields, table};

/// Makes all of the writes. What [`wrote_nothing`] says of an error holds.
pub(super) fn commit(
    file: &Connection,
    clock: &dyn Clock,
    writes: &[Write],
) -> Result<CommitReceipt, CommitError> {
    let planned = writes.iter().enumerate();
    let planned = planned.map(|(index, write)| Planned::of(file, index, write));
    let planned = planned.collect::<Result<Vec<_>, CommitError>>()?;
    let version = next_version(file, clock)?;
    let made = planned.into_iter().map(|it| it.make(file, version));
    let update_times = made.collect::<Result<_, DatabaseError>>()?;
    Ok(CommitReceipt { update_times })
}

/// Whether a commit that failed so has written nothing: it did not get beyond its plan.
pub(super) fn wrote_nothing(error: &CommitError) -> bool {
    match error {
        CommitError::Conflict(_)
        | CommitError::Contention(_)
        | CommitError::Store(StoreError::Refused(_)) => true,
        CommitError::Store(StoreError::Unavailable(_)) => false,
    }
}

fn next_version(file: &Connection, clock: &dyn Clock) -> Result<i64, DatabaseError> {
    let last: i64 = file
        .prepare_cached("SELECT time FROM last_update")?
        .query_row([], |row| row.get(0))?;
    let now = clock.now().timestamp_nanos_opt().unwrap_or_default();
    let next = now.max(last.saturating_add(1));
    file.prepare_cached("UPDATE last_update SET time = ?1")?
        .execute([next])?;
    Ok(next)
}

/// A write whose precondition holds.
struct Planned<'a> {
    key: &'a Key,
    change: Change,
}

enum Change {
    Insert(Stored),
    Update {
        rowid: i64,
        stored: Stored,
    },
    Delete {
        rowid: i64,
    },
    /// It is so already, in this version.
    None(Option<UpdateTime>),
}

/// What comes into the columns of a document.
struct Stored {
    fields: String,
    /// Of the indexed fields: of an update those that change, so that no other index is touched.
    keys: Vec<(&'static str, Sql)>,
}

impl<'a> Planned<'a> {
    /// No other write of the commit is about this document, so all see what was before the commit.
    fn of(file: &Connection, index: usize, write: &'a Write) -> Result<Self, CommitError> {
        let key = &write.key;
        let before = find(file, key)?;
        let current = before.as_ref().map(|row| UpdateTime(row.version));
        if let Some(violation) = write.precondition.violation(current) {
            return Err(write.conflict(index, violation).into());
        }
        let change = match (&write.content, before) {
            (Content::Delete, Some(Row { rowid, .. })) => Change::Delete { rowid },
            (Content::Delete, None) => Change::None(None),
            (Content::Set(_) | Content::Merge(..), before) => Change::to(write, before)?,
        };
        Ok(Self { key, change })
    }

    fn make(self, file: &Connection, version: i64) -> Result<Option<UpdateTime>, DatabaseError> {
        let (id, table) = (self.key.id(), table(self.key.collection()));
        match self.change {
            Change::Insert(stored) => {
                let columns = stored.columns(|column| format!(", {column}"));
                let marks = ", ?".repeat(stored.keys.len());
                let sql = format!(
                    "INSERT INTO {table} (id, update_time, fields{columns}) VALUES (?, ?, ?{marks})"
                );
                let values = stored.values(Sql::Text(id.to_owned()), version);
                file.prepare_cached(&sql)?.execute(values)?;
            }
            Change::Update { rowid, stored } => {
                let columns = stored.columns(|column| format!(", {column} = ?"));
                let sql = format!(
                    "UPDATE {table} SET update_time = ?2, fields = ?3{columns} WHERE rowid = ?1"
                );
                let values = stored.values(Sql::Integer(rowid), version);
                file.prepare_cached(&sql)?.execute(values)?;
            }
            Change::Delete { rowid } => {
                let sql = format!("DELETE FROM {table} WHERE rowid = ?1");
                file.prepare_cached(&sql)?.execute([rowid])?;
                return Ok(None);
            }
            Change::None(version) => return Ok(version),
        }
        Ok(Some(UpdateTime(version)))
    }
}

impl Change {
    /// The version is the commit's, or the old one if nothing has changed: so does Firestore.
    fn to(write: &Write, before: Option<Row>) -> Result<Self, StoreError> {
        let decode = |row: &Row| codec::decode(&row.fields);
        let was = before.as_ref().map(decode).transpose();
        let was = match &write.content {
            Content::Merge(..) => was?,
            // What cannot be read can be replaced.
            Content::Set(_) | Content::Delete => was.unwrap_or_default(),
        };
        let fields = fields_after(write, was.as_ref());
        check_document(&write.key, &fields)?;
        let encoded = codec::encode(&fields);
        if let Some(row) = before.as_ref().filter(|row| row.fields == encoded) {
            return Ok(Self::None(Some(UpdateTime(row.version))));
        }
        let stored = Stored::of(&write.key, was.as_ref(), &fields, encoded);
        Ok(match before {
            None => Self::Insert(stored),
            Some(Row { rowid, .. }) => Self::Update { rowid, stored },
        })
    }
}

impl Stored {
    /// `was`: what can be read of the document before, whose columns hold that.
    fn of(key: &Key, was: Option<&Fields>, is: &Fields, encoded: String) -> Self {
        let changed = |field: &&str| was.is_none_or(|was| was.get(field) != is.get(field));
        let key_of = |field| {
            is.get(field)
                .map_or(Sql::Null, |it| Sql::Blob(sort_key(it)))
        };
        let indexed = indexed_fields(key.declared()).into_iter().filter(changed);
        Self {
            fields: encoded,
            keys: indexed.map(|field| (field, key_of(field))).collect(),
        }
    }

    /// The columns of [`Stored::keys`] as they stand in a statement.
    fn columns(&self, in_sql: impl Fn(Quoted<'_>) -> String) -> String {
        let fields = self.keys.iter().map(|(field, _)| *field);
        fields.map(|field| in_sql(column(field))).collect()
    }

    /// The parameters of a statement: what says which document, and all that comes into it.
    fn values(self, document: Sql, version: i64) -> ParamsFromIter<impl IntoIterator<Item = Sql>> {
        let first = [document, Sql::Integer(version), Sql::Text(self.fields)];
        let keys = self.keys.into_iter().map(|(_, key)| key);
        params_from_iter(first.into_iter().chain(keys))
    }
}

/// What the document holds after a write that does not delete it.
fn fields_after<'a>(write: &'a Write, was: Option<&Fields>) -> Cow<'a, Fields> {
    let mut fields = match &write.content {
        Content::Delete => Cow::Owned(Fields::new()),
        Content::Set(fields) => Cow::Borrowed(fields),
        Content::Merge(changes, removed) => {
            let stored = was.cloned().unwrap_or_default().into_iter();
            let kept = stored.filter(|(name, _)| !removed.contains(name));
            Cow::Owned(kept.chain(changes.clone()).collect())
        }
    };
    for Increment { field, by } in &write.increments {
        let after = increased(fields.get(field), *by);
        fields.to_mut().set(field, after);
    }
    fields
}

fn increased(before: Option<&Value>, by: i64) -> Value {
    match before {
        // Firestore too stops at the largest number instead of going round.
        Some(Value::Integer(before)) => Value::Integer(before.saturating_add(by)),
        Some(Value::Double(before)) => Value::Double(before + by as f64),
        None
        | Some(
            Value::Null
            | Value::Boolean(_)
            | Value::Text(_)
            | Value::Timestamp(_)
            | Value::Array(_)
            | Value::Map(_)
            | Value::Foreign(_),
        ) => Value::Integer(by),
    }
}
