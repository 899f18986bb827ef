//! Values as Firestore's messages carry them.

use std::collections::HashMap;

use chrono::DateTime;
use fanout_runtime::{Timestamp, whole_milliseconds};
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::prost_types;

use fanout_store::{Fields, UpdateTime, Value};

/// An answer that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ForeignFormat {
    #[error("Firestore answered with a document without an update time")]
    NoUpdateTime,
    #[error("Firestore answered with a document of another collection")]
    OtherCollection,
}

pub(super) fn fields_to_proto(fields: &Fields) -> HashMap<String, proto::Value> {
    let pair = |(name, value): (&str, &Value)| (name.to_owned(), to_proto(value));
    fields.iter().map(pair).collect()
}

pub(super) fn to_proto(value: &Value) -> proto::Value {
    let value_type = match value {
        Value::Null => ValueType::NullValue(prost_types::NullValue::NullValue.into()),
        Value::Boolean(flag) => ValueType::BooleanValue(*flag),
        Value::Integer(number) => ValueType::IntegerValue(*number),
        Value::Double(number) => ValueType::DoubleValue(*number),
        Value::Text(text) => ValueType::StringValue(text.clone()),
        Value::Timestamp(time) => ValueType::TimestampValue(timestamp(*time)),
        Value::Array(items) => ValueType::ArrayValue(proto::ArrayValue {
            values: items.iter().map(to_proto).collect(),
        }),
        Value::Map(fields) => ValueType::MapValue(proto::MapValue {
            fields: fields_to_proto(fields),
        }),
        // No kind, which Firestore refuses.
        Value::Foreign(_) => return proto::Value { value_type: None },
    };
    of_type(value_type)
}

pub(super) fn of_type(value_type: ValueType) -> proto::Value {
    proto::Value {
        value_type: Some(value_type),
    }
}

pub(super) fn fields_from_proto(fields: HashMap<String, proto::Value>) -> Fields {
    let pair = |(name, value)| (name, from_proto(value));
    fields.into_iter().map(pair).collect()
}

fn from_proto(value: proto::Value) -> Value {
    match value.value_type {
        Some(ValueType::NullValue(_)) => Value::Null,
        Some(ValueType::BooleanValue(flag)) => Value::Boolean(flag),
        Some(ValueType::IntegerValue(number)) => Value::Integer(number),
        Some(ValueType::DoubleValue(number)) => Value::Double(number),
        Some(ValueType::StringValue(text)) => Value::Text(text),
        Some(ValueType::TimestampValue(time)) => {
            let nanoseconds = u32::try_from(time.nanos).ok();
            let time = nanoseconds.and_then(|n| DateTime::from_timestamp(time.seconds, n));
            let out_of_range = Value::Foreign("a timestamp out of range");
            time.map_or(out_of_range, |time| {
                Value::Timestamp(whole_milliseconds(time))
            })
        }
        Some(ValueType::ArrayValue(array)) => {
            Value::Array(array.values.into_iter().map(from_proto).collect())
        }
        Some(ValueType::MapValue(map)) => Value::Map(fields_from_proto(map.fields)),
        Some(ValueType::BytesValue(_)) => Value::Foreign("bytes"),
        Some(ValueType::ReferenceValue(_)) => Value::Foreign("a reference"),
        Some(ValueType::GeoPointValue(_)) => Value::Foreign("a point on Earth"),
        Some(
            ValueType::FieldReferenceValue(_)
            | ValueType::VariableReferenceValue(_)
            | ValueType::FunctionValue(_)
            | ValueType::PipelineValue(_),
        ) => Value::Foreign("a part of a query"),
        None => Value::Foreign("none at all"),
    }
}

pub(super) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let time = whole_milliseconds(time);
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: nanoseconds(i64::from(time.timestamp_subsec_nanos())),
    }
}

pub(super) fn version_to_proto(version: UpdateTime) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: version.0.div_euclid(SECOND),
        nanos: nanoseconds(version.0.rem_euclid(SECOND)),
    }
}

pub(super) fn version_from_proto(time: prost_types::Timestamp) -> UpdateTime {
    // An i64 counts nanoseconds until 2262; the saturation keeps the arithmetic total.
    let seconds = time.seconds.saturating_mul(SECOND);
    UpdateTime(seconds.saturating_add(i64::from(time.nanos)))
}

const SECOND: i64 = 1_000_000_000;

/// Less than a second always fits.
fn nanoseconds(within_second: i64) -> i32 {
    i32::try_from(within_second).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_comes_back_exactly() {
        for version in [0, 1, 1_795_232_244_590_771_123, i64::MAX, -1] {
            let version = UpdateTime(version);
            assert_eq!(version_from_proto(version_to_proto(version)), version);
        }
    }

    #[test]
    fn a_value_that_no_adapter_writes_is_foreign_and_written_as_none() {
        let bytes = of_type(ValueType::BytesValue(vec![1]));
        assert!(from_proto(bytes) == Value::Foreign("bytes"));
        let nothing = proto::Value { value_type: None };
        assert_eq!(to_proto(&Value::Foreign("bytes")), nothing);
        assert!(from_proto(nothing) == Value::Foreign("none at all"));
    }

    #[test]
    fn a_moment_loses_what_lies_below_the_millisecond() {
        let stored = of_type(ValueType::TimestampValue(prost_types::Timestamp {
            seconds: -1,
            nanos: 999_999_999,
        }));
        let read = from_proto(stored);
        let expected = DateTime::from_timestamp_millis(-1).unwrap();
        assert_eq!(read, Value::Timestamp(expected));
    }
}
