//! Time as a port.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde::Serializer;

/// A moment in UTC. Everything this system stores or sends carries milliseconds at most.
pub type Timestamp = DateTime<Utc>;

/// Where the time comes from. Tests put a clock in its place that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The current time, cut to whole milliseconds (what the event's wire format carries).
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        whole_milliseconds(precise_now())
    }
}

/// The machine's time, for logs.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that asks the machine"
)]
pub(crate) fn precise_now() -> Timestamp {
    Utc::now()
}

/// Cuts what lies below the millisecond.
pub fn whole_milliseconds(time: Timestamp) -> Timestamp {
    time.trunc_subsecs(3)
}

/// The last moment that a store takes: the end of the year 9999.
const LAST: Timestamp = match DateTime::from_timestamp_millis(253_402_300_799_999) {
    Some(last) => last,
    None => Timestamp::MAX_UTC,
};

/// The time so long after another; the last that a store takes, if that is too long.
pub fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    let later = time.checked_add_signed(by);
    later.map_or(LAST, |later| later.min(LAST))
}

/// Writes a time as every answer does: RFC 3339, UTC, milliseconds. For serde's `serialize_with`.
pub fn serialize_rfc3339<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_later_than_the_last_moment_that_a_store_takes() {
        let time = DateTime::UNIX_EPOCH;
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(later(time, day), time + day);
        for long in [day * 9_999_999, Duration::MAX] {
            let last = later(time, long);
            assert_eq!(
                last.to_rfc3339_opts(SecondsFormat::Millis, true),
                "9999-12-31T23:59:59.999Z"
            );
        }
    }
}
