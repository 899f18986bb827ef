//! What Firestore never takes. Every adapter refuses it alike, so that no program runs on one
//! machine only, and none stores what it cannot read back.

use chrono::Datelike as _;

use crate::{Content, Fields, Key, StoreError, Value, Write};

/// The largest document.
const MAX_DOCUMENT: usize = 1024 * 1024;
/// The largest commit.
const MAX_COMMIT: usize = 10 * 1024 * 1024;
/// How deep maps and arrays may lie in each other.
const MAX_DEPTH: usize = 20;
/// The longest name of a field, in bytes.
const MAX_NAME: usize = 1500;

/// Whether these writes can be made together, as far as they tell by themselves.
///
/// No document may occur twice: Firestore would make both writes, one after the other, and no
/// adapter needs to.
pub fn check_writes(writes: &[Write]) -> Result<(), StoreError> {
    let mut keys: Vec<&Key> = writes.iter().map(|write| &write.key).collect();
    let by_name = |a: &&Key, b: &&Key| {
        let by_id = a.id().cmp(b.id());
        by_id.then_with(|| a.collection().cmp(b.collection()))
    };
    keys.sort_unstable_by(by_name);
    if let Some(twice) = keys
        .windows(2)
        .find(|two| by_name(&two[0], &two[1]).is_eq())
    {
        return refused(&format!("{} occurs twice in one commit", twice[0]));
    }
    let mut size = 0;
    for write in writes {
        check_write(write).or_else(|reason| refused(&format!("{}: {reason}", write.key)))?;
        size += match &write.content {
            Content::Set(fields) | Content::Merge(fields, _) => checked_size(&write.key, fields)?,
            Content::Delete => 0,
        };
    }
    if size > MAX_COMMIT {
        return refused("the commit is larger than 10 MiB");
    }
    Ok(())
}

/// Whether a document is small enough; for one that a merge has made.
pub fn check_document(key: &Key, fields: &Fields) -> Result<(), StoreError> {
    checked_size(key, fields).map(drop)
}

fn checked_size(key: &Key, fields: &Fields) -> Result<usize, StoreError> {
    let size = size_of_document(key, fields);
    if size > MAX_DOCUMENT {
        return refused(&format!("{key}: the document is larger than 1 MiB"));
    }
    Ok(size)
}

pub(super) fn refused<T>(reason: &str) -> Result<T, StoreError> {
    Err(StoreError::Refused(reason.into()))
}

fn check_write(write: &Write) -> Result<(), &'static str> {
    match &write.content {
        Content::Set(fields) => check_fields(fields, 0)?,
        Content::Merge(fields, removed) => {
            check_fields(fields, 0)?;
            removed.iter().try_for_each(|field| check_name(field))?;
        }
        Content::Delete if write.increments.is_empty() => {}
        Content::Delete => return Err("a delete leaves nothing to change"),
    }
    let mut increments = write.increments.iter();
    increments.try_for_each(|it| check_name(&it.field))
}

fn check_fields(fields: &Fields, depth: usize) -> Result<(), &'static str> {
    fields.iter().try_for_each(|(name, value)| {
        check_name(name)?;
        check_value(value, depth + 1)
    })
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let reserved = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
    if name.is_empty() {
        Err("a field has no name")
    } else if reserved {
        Err("a field has a reserved name, `__...__`")
    } else if name.len() > MAX_NAME {
        Err("a field's name is longer than 1,500 bytes")
    } else {
        Ok(())
    }
}

pub(super) fn check_value(value: &Value, depth: usize) -> Result<(), &'static str> {
    match value {
        Value::Map(_) | Value::Array(_) if depth > MAX_DEPTH => {
            Err("maps and arrays lie in each other more than 20 deep")
        }
        Value::Map(fields) => check_fields(fields, depth),
        Value::Array(items) if items.iter().any(|item| matches!(item, Value::Array(_))) => {
            Err("an array lies directly in an array")
        }
        Value::Array(items) => items.iter().try_for_each(|it| check_value(it, depth + 1)),
        Value::Foreign(_) => Err("a value is of a kind that is not written"),
        Value::Timestamp(time) if !(1..=9999).contains(&time.year()) => {
            Err("a time lies outside the years 1 to 9999")
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::Timestamp(_) => Ok(()),
    }
}

/// As Firestore counts: <https://firebase.google.com/docs/firestore/storage-size>.
fn size_of_document(key: &Key, fields: &Fields) -> usize {
    let name = key.collection().len() + 1 + key.id().len() + 1 + 16;
    name + size_of_map(fields)
}

fn size_of_map(fields: &Fields) -> usize {
    let pair = |(name, value): (&str, &Value)| name.len() + 1 + size_of_value(value);
    fields.iter().map(pair).sum::<usize>() + 32
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) | Value::Foreign(_) => 1,
        Value::Integer(_) | Value::Double(_) | Value::Timestamp(_) => 8,
        Value::Text(text) => text.len() + 1,
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Map(fields) => size_of_map(fields),
    }
}
