//! The values of protobuf's JSON mapping that JSON has no type for.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Datelike as _};
use fanout_runtime::Timestamp;
use serde_json::Value;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Both alphabets, with or without padding. gcloud sends the second.
const DECODERS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// A number or a text of one, with no fraction left.
pub(super) fn whole_number(value: Value) -> Option<i32> {
    let number = match value {
        Value::String(text) if text.starts_with('+') => return None,
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    let held = f64::from(i32::MIN)..=f64::from(i32::MAX);
    (number.fract() == 0.0 && held.contains(&number)).then_some(number as i32)
}

/// Of base64.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut decoders = DECODERS.iter();
    decoders.find_map(|decoder| decoder.decode(text).ok())
}

/// Seconds with at most nine digits behind the point.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str, most| {
        (1..=most).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit())
    };
    let well_formed = digits(seconds, 12) && digits(fraction, 9);
    let seconds = number.parse().ok().filter(|_| well_formed)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// How a duration is written, to the millisecond.
pub(super) fn duration_text(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_millis()) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, milliseconds) => format!("{seconds}.{milliseconds:03}s"),
    }
}

/// From the year 1 to the year 9999. chrono would take small letters and a blank for the `T` too.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let capitals = text.as_bytes().get(10) == Some(&b'T') && !text.ends_with('z');
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (capitals && (1..=9999).contains(&time.year())).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (value, expected) in [
            ("3", Some(3)),
            (r#""3""#, Some(3)),
            ("3.0", Some(3)),
            ("3e2", Some(300)),
            (r#""3e2""#, Some(300)),
            ("-3", Some(-3)),
            ("2147483647", Some(i32::MAX)),
            ("2147483648", None),
            ("3.5", None),
            (r#""x""#, None),
            (r#""""#, None),
            (r#"" 3""#, None),
            (r#""+3""#, None),
            (r#""NaN""#, None),
            (r#""Infinity""#, None),
            ("true", None),
            ("[3]", None),
        ] {
            assert_eq!(
                whole_number(serde_json::from_str(value).unwrap()),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn a_duration_is_seconds_with_nine_digits_at_most() {
        for (value, milliseconds) in [
            ("1s", Some(1_000)),
            ("1.5s", Some(1_500)),
            ("0.000000001s", Some(0)),
            ("0s", Some(0)),
            ("1", None),
            ("1.s", None),
            (".5s", None),
            ("1e3s", None),
            ("-1s", None),
            ("0.0000000001s", None),
            ("infs", None),
        ] {
            let found = duration(value).map(|duration| duration.as_millis());
            assert_eq!(found, milliseconds, "{value}");
        }
        assert_eq!(duration_text(Duration::from_millis(1_500)), "1.500s");
        assert_eq!(duration_text(Duration::from_secs(600)), "600s");
    }

    #[test]
    fn a_time_is_one_that_protobuf_can_hold() {
        for good in [
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2026-11-26T22:00:00+02:00",
        ] {
            assert!(time(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2026-11-26",
            "2026-11-26T22:00:00",
            "2026-11-26 22:00:00Z",
            "2026-11-26t22:00:00z",
            "9999-12-31T23:59:59-01:00",
            "0001-01-01T00:00:00+01:00",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    #[test]
    fn bytes_are_base64_in_one_alphabet() {
        for (value, expected) in [
            ("aGk=", Some("hi")),
            ("aGk", Some("hi")),
            ("Pj4_", Some(">>?")),
            ("Pj4/", Some(">>?")),
            ("", Some("")),
            ("_-8/", None),
            ("aGl=", None),
            ("aG\nk=", None),
            ("hello world", None),
        ] {
            let expected = expected.map(|text| text.as_bytes().to_vec());
            assert_eq!(bytes(value), expected, "{value}");
        }
    }
}
