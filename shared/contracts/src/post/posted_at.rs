//! When a post was posted, to the millisecond.

use chrono::{DateTime, SecondsFormat, Utc};
use fanout_events::{JsonFields, WrongField};
use serde::{Serialize, Serializer};

/// Reads the field.
pub(super) fn read(data: &JsonFields<'_>) -> Result<DateTime<Utc>, WrongField> {
    let time = data.parse("posted_at", |text| {
        DateTime::parse_from_rfc3339(text).map_err(|_| "must be a time of RFC 3339")
    })?;
    Ok(time.to_utc())
}

/// Writes the field, for serde.
pub(super) fn write<S: Serializer>(time: &DateTime<Utc>, out: S) -> Result<S::Ok, S::Error> {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
        .serialize(out)
}
