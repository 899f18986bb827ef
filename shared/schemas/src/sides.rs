//! The two schemas of a shape: what is written, and what is read.

use serde_json::{Map, Value, json};

/// Names what a value that this build does not know is read as: the reader takes any text then.
pub const X_FALLBACK: &str = "x-fallback";
/// Whose personal data a text is.
pub const X_PERSONAL: &str = "x-personal";

/// What is written, and nothing else: every object is closed.
pub fn writer(shape: &Value) -> Value {
    rewritten(shape, &|object| {
        if is_object(object) {
            object.insert("additionalProperties".to_owned(), json!(false));
        }
    })
}

/// What is read: every object is open, what may be null may be missing, and an enum that has a
/// fallback takes any text.
pub fn reader(shape: &Value) -> Value {
    rewritten(shape, &|object| {
        object.remove("additionalProperties");
        if object.contains_key(X_FALLBACK) {
            object.remove("enum");
        }
        let nullable: Vec<String> = properties(object)
            .filter(|(_, schema)| takes_null(schema))
            .map(|(name, _)| name.clone())
            .collect();
        if let Some(Value::Array(required)) = object.get_mut("required") {
            required.retain(|name| !nullable.iter().any(|known| name == known));
        }
    })
}

/// The same without what only people read: two schemas that differ in nothing else mean the same.
pub fn without_notes(schema: &Value) -> Value {
    rewritten(schema, &|object| {
        for note in ["title", "description", "$schema"] {
            object.remove(note);
        }
    })
}

/// The fields that hold personal data, as a path such as `name` or `to.email`.
pub fn personal_fields(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let Some(object) = schema.as_object() else {
        return found;
    };
    for (name, below) in properties(object) {
        if below.get(X_PERSONAL).is_some() {
            found.push(name.clone());
        }
        let deeper = personal_fields(below).into_iter();
        found.extend(deeper.map(|path| format!("{name}.{path}")));
    }
    if let Some(items) = object.get("items") {
        found.extend(personal_fields(items));
    }
    for variant in object
        .get("oneOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        found.extend(personal_fields(variant));
    }
    found
}

fn properties(object: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let properties = object.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten()
}

fn is_object(object: &Map<String, Value>) -> bool {
    object.contains_key("properties") || has_type(object.get("type"), "object")
}

fn takes_null(schema: &Value) -> bool {
    has_type(schema.get("type"), "null")
}

fn has_type(types: Option<&Value>, name: &str) -> bool {
    match types {
        Some(Value::Array(types)) => types.iter().any(|it| it == name),
        Some(one) => one == name,
        None => false,
    }
}

/// Changes every schema within a schema, and the schema itself.
fn rewritten(schema: &Value, change: &impl Fn(&mut Map<String, Value>)) -> Value {
    let Value::Object(object) = schema else {
        return schema.clone();
    };
    let mut object = object.clone();
    for (key, value) in &mut object {
        match (key.as_str(), &mut *value) {
            ("properties", Value::Object(properties)) => {
                for schema in properties.values_mut() {
                    *schema = rewritten(schema, change);
                }
            }
            ("oneOf" | "anyOf" | "allOf", Value::Array(variants)) => {
                for schema in variants {
                    *schema = rewritten(schema, change);
                }
            }
            ("items", schema) => *schema = rewritten(schema, change),
            _ => {}
        }
    }
    change(&mut object);
    Value::Object(object)
}
