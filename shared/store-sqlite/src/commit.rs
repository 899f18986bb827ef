//! One commit: its writes share one version.

use fanout_runtime::Clock;
use fanout_store::{
    CommitError, Content, Fields, Increment, Key, StoreError, UpdateTime, Value, Write,
    check_document,
};
use rusqlite::{Connection, params};

use super::codec;
use super::database::DatabaseError;
use super::documents::{Row, find};
use super::tables::table;

pub(super) struct Commit<'a> {
    file: &'a Connection,
    version: i64,
}

impl<'a> Commit<'a> {
    pub(super) fn begin(file: &'a Connection, clock: &dyn Clock) -> Result<Self, DatabaseError> {
        let nanoseconds = clock.now().timestamp_nanos_opt().unwrap_or_default();
        let version = file
            .prepare_cached("UPDATE last_update SET time = max(time + 1, ?1) RETURNING time")?
            .query_row([nanoseconds], |row| row.get(0))?;
        Ok(Self { file, version })
    }

    /// Makes one write, unless its precondition does not hold: the caller then drops them all. No
    /// other write of the commit is about this document, so all see what was before the commit.
    pub(super) fn make(
        &self,
        index: usize,
        write: Write,
    ) -> Result<Option<UpdateTime>, CommitError> {
        let before = find(self.file, &write.key)?;
        let current = before.as_ref().map(|(_, version)| UpdateTime(*version));
        if let Some(violation) = write.precondition.violation(current) {
            return Err(write.conflict(index, violation).into());
        }
        let mut fields = match write.content {
            Content::Delete => {
                if before.is_some() {
                    self.delete(&write.key)?;
                }
                return Ok(None);
            }
            Content::Set(fields) => fields,
            Content::Merge(changes, removed) => {
                let decode = |(fields, _): &Row| codec::decode(fields);
                let stored = before.as_ref().map(decode).transpose();
                let stored = stored.map_err(StoreError::from)?.unwrap_or_default();
                let kept = stored
                    .into_iter()
                    .filter(|(name, _)| !removed.contains(name));
                kept.chain(changes).collect()
            }
        };
        for Increment { field, by } in &write.increments {
            let after = increased(fields.get(field), *by);
            fields.set(field, after);
        }
        check_document(&write.key, &fields)?;
        Ok(Some(self.store(&write.key, &fields, before)?))
    }

    fn delete(&self, key: &Key) -> Result<(), DatabaseError> {
        let sql = format!("DELETE FROM {} WHERE id = ?1", table(key.collection()));
        self.file.prepare_cached(&sql)?.execute([key.id()])?;
        Ok(())
    }

    /// The version is the commit's, or the old one if nothing has changed: so does Firestore.
    fn store(
        &self,
        key: &Key,
        fields: &Fields,
        before: Option<Row>,
    ) -> Result<UpdateTime, DatabaseError> {
        let encoded = codec::encode(fields);
        let table = table(key.collection());
        let sql = match before {
            Some((stored, version)) if stored == encoded => return Ok(UpdateTime(version)),
            Some(_) => format!("UPDATE {table} SET fields = ?2, update_time = ?3 WHERE id = ?1"),
            None => format!("INSERT INTO {table} (id, fields, update_time) VALUES (?1, ?2, ?3)"),
        };
        let mut statement = self.file.prepare_cached(&sql)?;
        statement.execute(params![key.id(), encoded, self.version])?;
        Ok(UpdateTime(self.version))
    }
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
