//! Times as callers write them: of RFC 3339, or a date.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta};
use fanout_runtime::{Timestamp, whole_milliseconds};

/// What a time must be.
pub(crate) const MUST_BE: &str = "must be a time of RFC 3339 such as 2024-01-31T12:00:00Z, or a date such as 2024-01-31, in the \
     years 0001 to 9999 in UTC";

/// The end of what is meant: a date is its whole UTC day.
pub(crate) fn end_of(text: &str) -> Option<Timestamp> {
    let time = match text.parse::<NaiveDate>() {
        Ok(day) => {
            let next = midnight(day.checked_add_days(Days::new(1))?);
            next.checked_sub_signed(TimeDelta::milliseconds(1))
        }
        Err(_) => time(text),
    };
    time.filter(can_be_stored)
}

/// The begin of what is meant.
pub(crate) fn start_of(text: &str) -> Option<Timestamp> {
    let time = match text.parse::<NaiveDate>() {
        Ok(day) => Some(midnight(day)),
        Err(_) => time(text),
    };
    time.filter(can_be_stored)
}

/// Of any other year RFC 3339 has no time, and a store neither: what an event says of it could not be
/// read again.
fn can_be_stored(time: &Timestamp) -> bool {
    (1..=9999).contains(&time.year())
}

fn midnight(day: NaiveDate) -> Timestamp {
    day.and_time(NaiveTime::MIN).and_utc()
}

fn time(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(whole_milliseconds(time.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_means_its_whole_utc_day() {
        let shown = |time: Option<Timestamp>| time.unwrap().to_rfc3339();
        assert_eq!(shown(start_of("2024-01-31")), "2024-01-31T00:00:00+00:00");
        assert_eq!(shown(end_of("2024-01-31")), "2024-01-31T23:59:59.999+00:00");
        let exact = "2024-01-31T13:00:00.5+01:00";
        assert_eq!(start_of(exact), end_of(exact));
        assert_eq!(shown(end_of(exact)), "2024-01-31T12:00:00.500+00:00");
    }

    #[test]
    fn a_time_that_could_not_be_read_again_is_none() {
        for bad in [
            "+10000-01-01",
            "-0001-01-01",
            "0000-12-31",
            "9999-12-31T23:30:00-01:00",
            "0001-01-01T00:30:00+01:00",
        ] {
            assert_eq!((start_of(bad), end_of(bad)), (None, None), "{bad}");
        }
        for good in ["0001-01-01", "9999-12-31"] {
            assert!(start_of(good).is_some() && end_of(good).is_some(), "{good}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in ["", "now", "2024-02-30", "2024-01-31T12:00", "1706702400"] {
            assert_eq!((start_of(bad), end_of(bad)), (None, None), "{bad}");
        }
    }
}
