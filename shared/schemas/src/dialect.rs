//! The dialect: what a schema of ours may say. What is not in it has no rule, and what has no rule
//! would pass unseen.

use serde_json::{Map, Value};

use crate::node::{escaped, tag};

/// What is not in the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What, as a sentence.
    pub sentence: String,
}

/// For people and for what follows from schemas; no rule asks for them.
const NOTES: &[&str] = &[
    "$schema",
    "title",
    "description",
    "x-personal",
    "x-fallback",
];

/// What a schema of each type may say beside that. A type stands in the order of this table.
const KEYWORDS: &[(&str, &[&str])] = &[
    (
        "object",
        &["properties", "required", "additionalProperties"],
    ),
    ("array", &["items", "minItems", "maxItems"]),
    (
        "string",
        &[
            "format",
            "pattern",
            "minLength",
            "maxLength",
            "enum",
            "const",
        ],
    ),
    ("integer", &["minimum", "maximum", "enum", "const"]),
    ("number", &["minimum", "maximum", "enum", "const"]),
    ("boolean", &["const"]),
    ("null", &[]),
];

/// All that is not in the dialect.
pub fn faults(schema: &Value) -> Vec<Fault> {
    let mut found = Vec::new();
    look(schema, "", &mut found);
    found
}

fn look(schema: &Value, pointer: &str, found: &mut Vec<Fault>) {
    let mut fault = |at: &str, sentence: String| {
        found.push(Fault {
            pointer: format!("{pointer}{at}"),
            sentence,
        });
    };
    let Some(object) = schema.as_object() else {
        return fault("", "a schema is an object".to_owned());
    };
    if let Some(variants) = object.get("oneOf") {
        return look_at_variants(object, variants, pointer, found);
    }
    let types = match object.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let allowed: Vec<_> = KEYWORDS
        .iter()
        .filter(|(name, _)| types.contains(name))
        .collect();
    if types.is_empty() || allowed.len() != types.len() {
        fault("", "it needs a `type` that JSON Schema knows".to_owned());
    }
    if types.iter().filter(|name| **name != "null").count() > 1 {
        fault(
            "/type",
            "it may have one type, and `null` beside it".to_owned(),
        );
    }
    for keyword in object.keys().filter(|key| *key != "type") {
        let known = NOTES.contains(&keyword.as_str())
            || allowed
                .iter()
                .any(|(_, keys)| keys.contains(&keyword.as_str()));
        if !known {
            let at = format!("/{}", escaped(keyword));
            fault(
                &at,
                format!("`{keyword}` is not in the dialect for this type"),
            );
        }
    }
    look_below(object, pointer, found);
}

fn look_below(object: &Map<String, Value>, pointer: &str, found: &mut Vec<Fault>) {
    let properties = object.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        look(
            schema,
            &format!("{pointer}/properties/{}", escaped(name)),
            found,
        );
    }
    let required = object.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !properties.is_some_and(|known| known.contains_key(name)) {
            found.push(Fault {
                pointer: format!("{pointer}/required"),
                sentence: format!("`{name}` is required and not described"),
            });
        }
    }
    if object
        .get("additionalProperties")
        .is_some_and(|it| *it != Value::Bool(false))
    {
        found.push(Fault {
            pointer: format!("{pointer}/additionalProperties"),
            sentence: "a map of any names has no rule: describe its fields, or use an array"
                .to_owned(),
        });
    }
    match object.get("items") {
        Some(items) => look(items, &format!("{pointer}/items"), found),
        None if object.get("type").is_some_and(|it| it == "array") => found.push(Fault {
            pointer: pointer.to_owned(),
            sentence: "an array needs `items`".to_owned(),
        }),
        None => {}
    }
}

fn look_at_variants(
    object: &Map<String, Value>,
    variants: &Value,
    pointer: &str,
    found: &mut Vec<Fault>,
) {
    let variants: Vec<&Value> = variants.as_array().into_iter().flatten().collect();
    let tags: Vec<_> = variants.iter().map(|variant| tag(variant)).collect();
    let told_apart = tags.iter().enumerate().all(|(at, one)| {
        let same = |other: &Option<(&str, &str)>| other.zip(*one).is_some_and(|(a, b)| a.0 == b.0);
        one.is_some() && !tags[..at].contains(one) && tags.iter().all(same)
    });
    if !told_apart || variants.is_empty() {
        found.push(Fault {
            pointer: format!("{pointer}/oneOf"),
            sentence: "each variant must require the same field, with a `const` of its own"
                .to_owned(),
        });
    }
    let beside = object
        .keys()
        .filter(|key| *key != "oneOf" && !NOTES.contains(&key.as_str()));
    for keyword in beside {
        found.push(Fault {
            pointer: format!("{pointer}/{}", escaped(keyword)),
            sentence: format!("`{keyword}` may not stand beside `oneOf`"),
        });
    }
    for (at, variant) in variants.into_iter().enumerate() {
        look(variant, &format!("{pointer}/oneOf/{at}"), found);
    }
}
