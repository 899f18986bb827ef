//! How times, durations and attributes are kept in SQLite's columns.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::DateTime;
use fanout_bus::Wrapping;
use fanout_runtime::Timestamp;
use rusqlite::Row;
use rusqlite::types::Type;

/// A row that this program did not write.
#[derive(Debug, thiserror::Error)]
#[error("the column holds something that this program does not write there")]
struct Foreign;

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    DateTime::from_timestamp_millis(row.get(column)?)
        .ok_or_else(|| foreign(row, column, Type::Integer, Foreign.into()))
}

pub(super) fn duration(row: &Row<'_>, column: &str) -> rusqlite::Result<Duration> {
    count(row, column).map(Duration::from_millis)
}

/// A column that is never negative.
pub(super) fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|error| foreign(row, column, Type::Integer, error.into()))
}

/// A duration as whole milliseconds; longer than SQLite can hold is as good as for ever.
pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Attributes, kept as a JSON object.
pub(super) fn attributes(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<BTreeMap<String, String>> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| foreign(row, column, Type::Text, error.into()))
}

pub(super) fn attributes_json(attributes: &BTreeMap<String, String>) -> String {
    let object = attributes
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()));
    serde_json::Value::Object(object.collect()).to_string()
}

/// What a push is made of.
pub(super) fn wrapping(row: &Row<'_>, column: &str) -> rusqlite::Result<Wrapping> {
    let text: String = row.get(column)?;
    let all = [
        Wrapping::Wrapped,
        Wrapping::Bare { metadata: false },
        Wrapping::Bare { metadata: true },
    ];
    all.into_iter()
        .find(|it| wrapping_text(*it) == text)
        .ok_or_else(|| foreign(row, column, Type::Text, Foreign.into()))
}

pub(super) fn wrapping_text(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Wrapped => "wrapped",
        Wrapping::Bare { metadata: false } => "data",
        Wrapping::Bare { metadata: true } => "data_with_metadata",
    }
}

fn foreign(
    row: &Row<'_>,
    column: &str,
    kind: Type,
    cause: Box<dyn std::error::Error + Send + Sync>,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, kind, cause)
}
