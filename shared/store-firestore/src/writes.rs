//! Writes as Firestore's messages.

use std::collections::BTreeSet;

use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::document_transform::FieldTransform;
use gcloud_sdk::google::firestore::v1::document_transform::field_transform::TransformType;
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::write::Operation;

use super::names::{DOCUMENT, Names, field_path};
use super::values::{fields_to_proto, to_proto, version_to_proto};
use fanout_store::{Content, Fields, Increment, Precondition, Value, Write};

pub(super) fn to_message(names: &Names, write: &Write) -> proto::Write {
    let name = names.document(&write.key);
    let (operation, update_mask) = match &write.content {
        Content::Set(fields) => (update(name, fields), None),
        Content::Merge(fields, removed) => (update(name, fields), Some(mask(fields, removed))),
        Content::Delete => (Operation::Delete(name), None),
    };
    proto::Write {
        operation: Some(operation),
        update_mask,
        update_transforms: write.increments.iter().map(transform).collect(),
        current_document: precondition(write.precondition),
    }
}

fn update(name: String, fields: &Fields) -> Operation {
    Operation::Update(proto::Document {
        name,
        fields: fields_to_proto(fields),
        ..Default::default()
    })
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
