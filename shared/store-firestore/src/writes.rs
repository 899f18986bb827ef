//! Commits as Firestore's messages.
//!
//! A commit is what most calls are about, so its message is written straight from the fields. As Google's
//! types each document would be a hash map of copied texts, and measured anew for every message that it
//! lies in.

use std::collections::BTreeSet;

use fanout_google_grpc::write::{USUAL, put_bytes, put_double, put_nested, put_number};
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::document_transform::FieldTransform;
use gcloud_sdk::google::firestore::v1::document_transform::field_transform::TransformType;
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::prost::Message;
use gcloud_sdk::prost::bytes::Bytes;

use super::names::{DOCUMENT, Names, field_path};
use super::values::{timestamp, to_proto, version_to_proto};
use fanout_store::{Content, Fields, Increment, Key, Precondition, Value, Write};

/// A `CommitRequest`.
pub(super) fn commit_request(names: &Names, writes: &[Write]) -> Bytes {
    let mut out = Vec::with_capacity(USUAL);
    put_bytes(&mut out, 1, names.database.as_bytes());
    for write in writes {
        put_nested(&mut out, 2, |out| put_write(out, names, write));
    }
    out.into()
}

fn put_write(out: &mut Vec<u8>, names: &Names, write: &Write) {
    match &write.content {
        Content::Set(fields) => {
            put_nested(out, 1, |out| put_document(out, names, &write.key, fields));
        }
        Content::Merge(fields, removed) => {
            put_nested(out, 1, |out| put_document(out, names, &write.key, fields));
            put_bytes(out, 3, &mask(fields, removed).encode_to_vec());
        }
        Content::Delete => put_bytes(out, 2, names.document(&write.key).as_bytes()),
    }
    if let Some(condition) = precondition(write.precondition) {
        put_bytes(out, 4, &condition.encode_to_vec());
    }
    for increment in &write.increments {
        put_bytes(out, 7, &transform(increment).encode_to_vec());
    }
}

fn put_document(out: &mut Vec<u8>, names: &Names, key: &Key, fields: &Fields) {
    put_bytes(out, 1, names.document(key).as_bytes());
    put_fields(out, 2, fields);
}

/// A map is a list of pairs.
fn put_fields(out: &mut Vec<u8>, tag: u64, fields: &Fields) {
    for (name, value) in fields.iter() {
        put_nested(out, tag, |out| {
            put_bytes(out, 1, name.as_bytes());
            put_nested(out, 2, |out| put_value(out, value));
        });
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => put_number(out, 11, 0),
        Value::Boolean(flag) => put_number(out, 1, u64::from(*flag)),
        Value::Integer(number) => put_number(out, 2, number.cast_unsigned()),
        Value::Double(number) => put_double(out, 3, *number),
        Value::Text(text) => put_bytes(out, 17, text.as_bytes()),
        Value::Timestamp(time) => put_bytes(out, 10, &timestamp(*time).encode_to_vec()),
        Value::Array(items) => put_nested(out, 9, |out| {
            for item in items {
                put_nested(out, 1, |out| put_value(out, item));
            }
        }),
        Value::Map(fields) => put_nested(out, 6, |out| put_fields(out, 1, fields)),
        // A value without a kind, which Firestore refuses; `check_writes` has done so before.
        Value::Foreign(_) => {}
    }
}

/// A mask that names no field is not the same as no mask: it leaves every field as it is. A field
/// that it names and the document lacks goes.
fn mask(fields: &Fields, removed: &BTreeSet<String>) -> proto::DocumentMask {
    let names = fields.iter().map(|(name, _)| name);
    let names = names.chain(removed.iter().map(String::as_str));
    proto::DocumentMask {
        field_paths: names.map(field_path).collect(),
    }
}

/// The mask of a read that is about versions only.
pub(super) fn no_fields() -> proto::DocumentMask {
    proto::DocumentMask {
        field_paths: vec![DOCUMENT.to_owned()],
    }
}

fn transform(increment: &Increment) -> FieldTransform {
    let by = to_proto(&Value::Integer(increment.by));
    FieldTransform {
        field_path: field_path(&increment.field),
        transform_type: Some(TransformType::Increment(by)),
    }
}

fn precondition(precondition: Precondition) -> Option<proto::Precondition> {
    let condition = match precondition {
        Precondition::None => return None,
        Precondition::Absent => ConditionType::Exists(false),
        Precondition::Exists => ConditionType::Exists(true),
        Precondition::UpdatedAt(version) => ConditionType::UpdateTime(version_to_proto(version)),
    };
    Some(proto::Precondition {
        condition_type: Some(condition),
    })
}

#[cfg(test)]
mod tests {
    use fanout_store::{Collection, UpdateTime};
    use gcloud_sdk::google::firestore::v1::write::Operation;
    use proptest::prelude::*;

    use super::*;
    use crate::values::fields_to_proto;

    const USERS: &Collection = &Collection::named("users");
    const NAME: &str = "projects/demo/databases/(default)/documents/users/usr_1";

    fn key() -> Key {
        Key::new(USERS, "usr_1")
    }

    fn read(writes: &[Write]) -> Vec<proto::Write> {
        let message = commit_request(&Names::new("demo", "(default)"), writes);
        let request = proto::CommitRequest::decode(message).unwrap();
        assert_eq!(request.database, "projects/demo/databases/(default)");
        request.writes
    }

    fn update(fields: &Fields) -> Option<Operation> {
        Some(Operation::Update(proto::Document {
            name: NAME.to_owned(),
            fields: fields_to_proto(fields),
            ..Default::default()
        }))
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("is equal to itself", |it| !it.is_nan())
                .prop_map(Value::Double),
            ".{0,200}".prop_map(Value::from),
            (-62_135_596_800_000..253_402_300_799_999_i64).prop_map(|millis| {
                Value::from(chrono::DateTime::from_timestamp_millis(millis).unwrap())
            }),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((".{0,3}", inner), 0..4)
                    .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn googles_types_read_the_fields_that_were_written(
            fields in prop::collection::vec((".{0,9}", any_value()), 0..6)
        ) {
            let fields: Fields = fields.into_iter().collect();
            let written = read(&[Write::set(key(), fields.clone())]);
            let expected = proto::Write { operation: update(&fields), ..Default::default() };
            prop_assert_eq!(written, [expected]);
        }
    }

    #[test]
    fn googles_types_read_all_that_a_write_says() {
        let fields = Fields::new().with("a", 1_u64).with("b c", "x");
        let merge = Write::merge(key(), fields.clone())
            .remove_field("d")
            .increment("e", -1)
            .only_if(Precondition::UpdatedAt(UpdateTime(1_000_000_007)));
        let exists = |exists| proto::Precondition {
            condition_type: Some(ConditionType::Exists(exists)),
        };
        let version = ConditionType::UpdateTime(version_to_proto(UpdateTime(1_000_000_007)));
        let by = to_proto(&Value::Integer(-1));
        let expected = [
            proto::Write {
                operation: update(&fields),
                current_document: Some(exists(false)),
                ..Default::default()
            },
            proto::Write {
                operation: update(&fields),
                update_mask: Some(proto::DocumentMask {
                    field_paths: ["a", "`b c`", "d"].map(str::to_owned).to_vec(),
                }),
                update_transforms: vec![FieldTransform {
                    field_path: "e".to_owned(),
                    transform_type: Some(TransformType::Increment(by)),
                }],
                current_document: Some(proto::Precondition {
                    condition_type: Some(version),
                }),
            },
            proto::Write {
                operation: update(&Fields::new()),
                update_mask: Some(proto::DocumentMask::default()),
                ..Default::default()
            },
            proto::Write {
                operation: Some(Operation::Delete(NAME.to_owned())),
                current_document: Some(exists(true)),
                ..Default::default()
            },
        ];
        let written = read(&[
            Write::create(key(), fields),
            merge,
            Write::merge(key(), Fields::new()),
            Write::delete(key()).only_if(Precondition::Exists),
        ]);
        assert_eq!(written, expected);
    }
}
