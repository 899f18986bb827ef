//! The shape of an event's data, from its type: a JSON Schema of which the writer's and the reader's
//! follow.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::json_fields::LARGEST_COUNT;
use crate::{EmailAddress, EventType, PersonName};

/// The JSON Schema of [`is_identifier`](crate::is_identifier).
pub const IDENTIFIER_PATTERN: &str = "^[A-Za-z0-9_.:/-]{1,128}$";

/// The shape of the data of `T`: what `serde` writes of it, in the few words that schemas of ours
/// have. A `String` that says nothing else is an identifier.
pub(crate) fn shape_of<T: EventType>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|it| {
        it.inline_subschemas = true;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut shape = plain(schema.to_value());
    if let Value::Object(object) = &mut shape {
        object.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        object.insert("title".to_owned(), json!(T::TYPE));
    }
    shape
}

/// The same in fewer words.
fn plain(schema: Value) -> Value {
    let Value::Object(mut object) = schema else {
        return schema;
    };
    for note in ["$schema", "title", "default"] {
        object.remove(note);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(Value::Array(variants)) = object.remove(key) {
            let variants = variants.into_iter().map(plain).collect();
            merge_variants(&mut object, key, variants);
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for schema in properties.values_mut() {
            *schema = plain(schema.take());
        }
    }
    if let Some(items) = object.get_mut("items") {
        *items = plain(items.take());
    }
    bound_numbers(&mut object);
    name_texts(&mut object);
    Value::Object(object)
}

/// One of several texts is an enum, and something or null is a type beside null. A choice has no type
/// of its own: null stays beside it, where the dialect refuses it.
fn merge_variants(object: &mut Map<String, Value>, key: &str, variants: Vec<Value>) {
    let texts: Option<Vec<Value>> = variants.iter().map(|it| it.get("const").cloned()).collect();
    if let (true, Some(texts)) = (key == "oneOf", texts) {
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), texts.into());
        return;
    }
    match <[Value; 2]>::try_from(variants) {
        Ok([Value::Object(value), null])
            if value.contains_key("type") && null == json!({"type": "null"}) =>
        {
            let known = value.get("type").cloned();
            object.extend(value);
            if let Some(Value::String(known)) = known {
                object.insert("type".to_owned(), json!([known, "null"]));
            }
            if let Some(Value::Array(values)) = object.get_mut("enum") {
                values.push(Value::Null);
            }
        }
        Ok(variants) => drop(object.insert(key.to_owned(), Value::from(variants.to_vec()))),
        Err(variants) => drop(object.insert(key.to_owned(), variants.into())),
    }
}

/// Rust's formats of whole numbers are ranges, and none of them ends beyond what every JSON reader
/// keeps.
fn bound_numbers(object: &mut Map<String, Value>) {
    let (least, most) = match object.get("format").and_then(Value::as_str) {
        Some("uint64" | "uint") => (0, LARGEST_COUNT as i64),
        Some("int64" | "int") => (-(LARGEST_COUNT as i64), LARGEST_COUNT as i64),
        Some("uint32") => (0, u32::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint8") => (0, u8::MAX.into()),
        Some(_) | None => return,
    };
    object.remove("format");
    object.entry("minimum").or_insert(json!(least));
    object.entry("maximum").or_insert(json!(most));
}

/// A text of which nothing is said is an identifier: what else a service writes it says.
fn name_texts(object: &mut Map<String, Value>) {
    let kind = object.get("type");
    let is_text = kind == Some(&json!("string")) || kind == Some(&json!(["string", "null"]));
    let says = [
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "enum",
        "const",
    ];
    if is_text && !says.iter().any(|keyword| object.contains_key(*keyword)) {
        object.insert("pattern".to_owned(), json!(IDENTIFIER_PATTERN));
    }
}

impl JsonSchema for EmailAddress {
    fn schema_name() -> Cow<'static, str> {
        "EmailAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "idn-email",
            "maxLength": 254,
            "x-personal": "subject",
        })
    }
}

impl JsonSchema for PersonName {
    fn schema_name() -> Cow<'static, str> {
        "PersonName".into()
    }

    /// `person-name` is no format that JSON Schema knows: what it asks for beside the length no
    /// pattern says (something that shows, nothing that turns a text around).
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "person-name",
            "minLength": 1,
            "maxLength": 200,
            "x-personal": "subject",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;
    use crate::is_identifier;

    #[allow(dead_code, reason = "only its schema is asked for")]
    /// Unit variants of which each has its own description, which schemars writes as a choice.
    #[derive(JsonSchema, Serialize)]
    #[serde(rename_all = "snake_case")]
    #[schemars(extend("x-fallback" = "other"))]
    enum Channel {
        /// By mail.
        Mail,
        /// In the app.
        InApp,
    }

    #[derive(JsonSchema, Serialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    #[allow(dead_code, reason = "only its schema is asked for")]
    enum Reward {
        Points { count: u32 },
        Voucher { code: String },
    }

    #[derive(JsonSchema, Serialize)]
    struct Line {
        product_id: String,
        quantity: u64,
    }

    #[derive(JsonSchema, Serialize)]
    struct Everything {
        /// An identifier.
        id: String,
        note: Option<String>,
        channel: Option<Channel>,
        reward: Reward,
        lines: Vec<Line>,
        first: Option<Line>,
        cents: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        email: Option<EmailAddress>,
        #[schemars(length(min = 1, max = 500))]
        text: String,
        gift: bool,
    }

    #[test]
    fn a_shape_has_few_words() {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|it| {
            it.inline_subschemas = true;
        });
        let schema = settings
            .into_generator()
            .into_root_schema_for::<Everything>();
        insta::assert_json_snapshot!(plain(schema.to_value()));
    }

    #[derive(JsonSchema, Serialize)]
    struct Bonus {
        reward: Option<Reward>,
    }

    #[test]
    fn a_choice_that_may_be_null_says_so_also_where_the_dialect_has_no_words_for_it() {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|it| {
            it.inline_subschemas = true;
        });
        let schema = settings.into_generator().into_root_schema_for::<Bonus>();
        let reward = &plain(schema.to_value())["properties"]["reward"];
        assert_eq!(reward["anyOf"][1], json!({"type": "null"}), "{reward}");
        assert!(reward["anyOf"][0].get("oneOf").is_some(), "{reward}");
        assert!(reward.get("oneOf").is_none(), "{reward}");
    }

    proptest! {
        #[test]
        fn the_pattern_of_identifiers_is_what_is_checked(text in "[a-zA-Z_.:/@ %é-]{0,130}|.{0,3}") {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/-".contains(c);
            prop_assert_eq!(IDENTIFIER_PATTERN, "^[A-Za-z0-9_.:/-]{1,128}$");
            let matches = (1..=128).contains(&text.chars().count()) && text.chars().all(allowed);
            prop_assert_eq!(is_identifier(&text), matches);
        }
    }
}
