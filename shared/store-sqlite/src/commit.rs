//! One commit: its writes share one version.
//!
//! First all is found out that can be wrong with it, then it is written: of a commit that is refused
//! nothing has to be undone.

use fanout_runtime::Clock;
use fanout_store::{
    CommitError, CommitReceipt, Content, Fields, Increment, Key, StoreError, UpdateTime, Value,
    Write, check_document,
};
use rusqlite::{Connection, params};

use super::codec;
use super::database::DatabaseError;
use super::documents::{Row, find};
use super::tables::table;

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
    Insert(String),
    Update(String),
    Delete,
    /// It is so already, in this version.
    None(Option<UpdateTime>),
}

impl<'a> Planned<'a> {
    /// No other write of the commit is about this document, so all see what was before the commit.
    fn of(file: &Connection, index: usize, write: &'a Write) -> Result<Self, CommitError> {
        let key = &write.key;
        let before = find(file, key)?;
        let current = before.as_ref().map(|(_, version)| UpdateTime(*version));
        if let Some(violation) = write.precondition.violation(current) {
            return Err(write.conflict(index, violation).into());
        }
        let change = match fields_after(write, before.as_ref())? {
            Some(fields) => {
                check_document(key, &fields)?;
                Change::to(codec::encode(&fields), before)
            }
            None if before.is_some() => Change::Delete,
            None => Change::None(None),
        };
        Ok(Self { key, change })
    }

    fn make(self, file: &Connection, version: i64) -> Result<Option<UpdateTime>, DatabaseError> {
        let (id, table) = (self.key.id(), table(self.key.collection()));
        match self.change {
            Change::Insert(fields) => {
                let sql =
                    format!("INSERT INTO {table} (id, fields, update_time) VALUES (?1, ?2, ?3)");
                file.prepare_cached(&sql)?
                    .execute(params![id, fields, version])?;
            }
            Change::Update(fields) => {
                let sql = format!("UPDATE {table} SET fields = ?2, update_time = ?3 WHERE id = ?1");
                file.prepare_cached(&sql)?
                    .execute(params![id, fields, version])?;
            }
            Change::Delete => {
                let sql = format!("DELETE FROM {table} WHERE id = ?1");
                file.prepare_cached(&sql)?.execute([id])?;
                return Ok(None);
            }
            Change::None(version) => return Ok(version),
        }
        Ok(Some(UpdateTime(version)))
    }
}

impl Change {
    /// The version is the commit's, or the old one if nothing has changed: so does Firestore.
    fn to(encoded: String, before: Option<Row>) -> Self {
        match before {
            Some((stored, version)) if stored == encoded => Self::None(Some(UpdateTime(version))),
            Some(_) => Self::Update(encoded),
            None => Self::Insert(encoded),
        }
    }
}

/// What the document holds after the write; `None` if it is gone.
fn fields_after(write: &Write, before: Option<&Row>) -> Result<Option<Fields>, StoreError> {
    let mut fields = match &write.content {
        Content::Delete => return Ok(None),
        Content::Set(fields) => fields.clone(),
        Content::Merge(changes, removed) => {
            let decode = |(fields, _): &Row| codec::decode(fields);
            let stored = before.map(decode).transpose()?.unwrap_or_default();
            let kept = stored
                .into_iter()
                .filter(|(name, _)| !removed.contains(name));
            kept.chain(changes.clone()).collect()
        }
    };
    for Increment { field, by } in &write.increments {
        let after = increased(fields.get(field), *by);
        fields.set(field, after);
    }
    Ok(Some(fields))
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
            | Value::Map(_),
        ) => Value::Integer(by),
    }
}
