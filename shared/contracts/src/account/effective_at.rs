//! The value date of a movement, where it is another than the time of recording.

use chrono::{DateTime, Utc};
use fanout_events::{JsonFields, WrongField};
use serde::{Serialize, Serializer};

/// Reads the field; `None` where it is null or missing.
pub(super) fn read(data: &JsonFields<'_>) -> Result<Option<DateTime<Utc>>, WrongField> {
    let Some(text) = data.optional_text("effective_at")? else {
        return Ok(None);
    };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(_) => Err(data.wrong("effective_at", "must be a time of RFC 3339")),
    }
}

/// Writes the field, for serde.
#[allow(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn write<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    out: S,
) -> Result<S::Ok, S::Error> {
    let text = time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    text.serialize(out)
}
