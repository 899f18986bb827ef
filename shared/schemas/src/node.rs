//! What rules ask of one schema.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

/// All types that JSON has; `integer` is a part of `number`.
const ANY: &[&str] = &[
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// The types that a schema takes. Without `type` it takes those of its values, or all.
pub(crate) fn types(schema: &Value) -> BTreeSet<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        _ => match values(schema) {
            Some(values) => values.into_iter().map(type_of).collect(),
            None => ANY.iter().copied().collect(),
        },
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The only values that a schema takes, where it lists them.
pub(crate) fn values(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(one), _) => Some(vec![one]),
        (None, Some(Value::Array(values))) => Some(values.iter().collect()),
        (None, _) => None,
    }
}

pub(crate) fn is_nullable(schema: &Value) -> bool {
    types(schema).contains("null")
}

pub(crate) fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

pub(crate) fn property<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    properties(schema)?.get(name)
}

pub(crate) fn required(schema: &Value) -> BTreeSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

pub(crate) fn is_closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}

pub(crate) fn text<'s>(schema: &'s Value, keyword: &str) -> Option<&'s str> {
    schema.get(keyword).and_then(Value::as_str)
}

pub(crate) fn number<'s>(schema: &'s Value, keyword: &str) -> Option<&'s Number> {
    schema.get(keyword).and_then(Value::as_number)
}

/// What a schema's variants are; one that has none is its own.
pub(crate) fn variants(schema: &Value) -> Vec<&Value> {
    match schema.get("oneOf") {
        Some(Value::Array(variants)) => variants.iter().collect(),
        _ => vec![schema],
    }
}

/// The required field that has one text only, and the text: what tells a variant from others.
pub(crate) fn tag(schema: &Value) -> Option<(&str, &str)> {
    let required = required(schema);
    let mut fields = properties(schema)?.iter();
    fields.find_map(|(name, field)| {
        let value = text(field, "const")?;
        required
            .contains(name.as_str())
            .then_some((name.as_str(), value))
    })
}

/// A name as a part of a JSON pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
