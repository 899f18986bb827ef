//! How times, durations and attributes are kept in SQLite's columns.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use fanout_bus::Wrapping;
use fanout_runtime::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

/// A value that this program did not write.
#[derive(Debug, thiserror::Error)]
#[error("the column holds something that this program does not write there")]
struct Foreign;

/// A time in milliseconds.
pub(super) struct Time(pub(super) Timestamp);

/// A duration in milliseconds.
pub(super) struct Milliseconds(pub(super) Duration);

/// A number that is never negative.
pub(super) struct Count(pub(super) u64);

/// Attributes, as a JSON object.
pub(super) struct Attributes(pub(super) BTreeMap<String, String>);

/// What a push is made of, as [`wrapping_text`].
pub(super) struct StoredWrapping(pub(super) Wrapping);

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let time = DateTime::from_timestamp_millis(value.as_i64()?);
        time.map(Self).ok_or_else(|| FromSqlError::other(Foreign))
    }
}

impl FromSql for Milliseconds {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let Count(milliseconds) = Count::column_result(value)?;
        Ok(Self(Duration::from_millis(milliseconds)))
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = u64::try_from(value.as_i64()?);
        number.map(Self).map_err(FromSqlError::other)
    }
}

impl FromSql for Attributes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let attributes = serde_json::from_str(value.as_str()?);
        attributes.map(Self).map_err(FromSqlError::other)
    }
}

impl FromSql for StoredWrapping {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let all = [
            Wrapping::Wrapped,
            Wrapping::Bare { metadata: false },
            Wrapping::Bare { metadata: true },
        ];
        let wrapping = all.into_iter().find(|it| wrapping_text(*it) == text);
        wrapping
            .map(Self)
            .ok_or_else(|| FromSqlError::other(Foreign))
    }
}

/// A duration as whole milliseconds; longer than SQLite can hold is as good as for ever.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn attributes_json(attributes: &BTreeMap<String, String>) -> String {
    let object = attributes
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    serde_json::Value::Object(object.collect()).to_string()
}

pub(super) fn wrapping_text(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Wrapped => "wrapped",
        Wrapping::Bare { metadata: false } => "data",
        Wrapping::Bare { metadata: true } => "data_with_metadata",
    }
}
