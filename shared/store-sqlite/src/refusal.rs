//! What Firestore never takes. Refused here as well, so that no program runs on one machine only.

use fanout_store::changed_twice;
use fanout_store::{Content, Fields, Transform, Value, Write};

/// Why these writes can never be made; `None` if they can.
pub(super) fn refusal(writes: &[Write]) -> Option<String> {
    if let Some(key) = changed_twice(writes) {
        return Some(format!("{key} occurs twice in one commit"));
    }
    writes
        .iter()
        .find_map(|write| Some(format!("{}: {}", write.key, refusal_of(write)?)))
}

fn refusal_of(write: &Write) -> Option<&'static str> {
    let content = match &write.content {
        Content::Set(fields) => refusal_of_fields(fields),
        Content::Merge(fields, removed) => refusal_of_fields(fields)
            .or_else(|| removed.iter().find_map(|field| refusal_of_name(field))),
        Content::Delete if write.transforms.is_empty() => None,
        Content::Delete => Some("a delete leaves nothing to change"),
    };
    let mut transformed = write.transforms.iter().map(|transform| match transform {
        Transform::Increment { field, .. } | Transform::ServerTimestamp { field } => field,
    });
    content.or_else(|| transformed.find_map(|field| refusal_of_name(field)))
}

fn refusal_of_fields(fields: &Fields) -> Option<&'static str> {
    fields
        .iter()
        .find_map(|(name, value)| refusal_of_name(name).or_else(|| refusal_of_value(value)))
}

fn refusal_of_name(name: &str) -> Option<&'static str> {
    let reserved = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
    if name.is_empty() {
        Some("a field has no name")
    } else if reserved {
        Some("a field has a reserved name, `__...__`")
    } else {
        None
    }
}

fn refusal_of_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::Map(fields) => refusal_of_fields(fields),
        Value::Array(items) if items.iter().any(|item| matches!(item, Value::Array(_))) => {
            Some("an array lies directly in an array")
        }
        Value::Array(items) => items.iter().find_map(refusal_of_value),
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Double(_)
        | Value::Text(_)
        | Value::Timestamp(_) => None,
    }
}
