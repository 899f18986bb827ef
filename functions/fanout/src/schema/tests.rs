//! What a change of a type is told, against versions that are released.

use std::collections::BTreeMap;

use fanout_events::KnownType;
use serde_json::{Value, json};

use super::check_schemas::{of_files, of_types};
use super::corpus::{Corpus, sum_of};
use super::release::unreleased;

fn shape(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required})
}

/// `order.placed` in the version that is released.
fn released() -> Value {
    shape(
        json!({"order_id": {"type": "string"}, "channel": {"type": "string", "enum": ["web", "shop"]}}),
        &["order_id", "channel"],
    )
}

fn order_placed(version: &'static str, shape: fn() -> Value) -> KnownType {
    KnownType {
        name: "order.placed",
        version,
        schema: "https://schemas.example.com/order-placed/v1",
        check: |_| Ok(()),
        flow: |_| Ok(None),
        shape,
    }
}

/// A corpus in which version 1.0 of `order.placed` is released.
fn corpus() -> Corpus {
    let file = |schema: Value| schema.to_string().into_bytes();
    let folder = "order/schemas/order.placed/1.0";
    Corpus(BTreeMap::from([
        (
            format!("{folder}/writer.json"),
            file(fanout_schemas::writer(&released())),
        ),
        (
            format!("{folder}/reader.json"),
            file(fanout_schemas::reader(&released())),
        ),
    ]))
}

/// Rule, place, and the versions that write and read.
fn rules(known: &KnownType) -> Vec<(&'static str, String, String)> {
    let found = of_types(&corpus(), &[known]).unwrap();
    let found = found.into_iter().map(|it| {
        let versions = [it.writer, it.reader].map(Option::unwrap_or_default);
        (it.rule, it.pointer, versions.join(" to "))
    });
    found.collect()
}

#[test]
fn a_type_that_has_not_changed_is_fine_also_with_other_words_beside_it() {
    assert_eq!(rules(&order_placed("1.0", released)), []);
    let described = || {
        let mut shape = released();
        shape["properties"]["order_id"]["description"] = json!("Which one.");
        shape
    };
    assert_eq!(rules(&order_placed("1.0", described)), []);
}

fn with_an_optional_field() -> Value {
    let mut shape = released();
    shape["properties"]["note"] = json!({"type": ["string", "null"]});
    shape["required"] = json!(["order_id", "channel", "note"]);
    shape
}

#[test]
fn an_optional_field_is_a_new_minor_version_and_nothing_else() {
    let expected = vec![("SCHEMA_NOT_WRITTEN", String::new(), " to ".to_owned())];
    assert_eq!(
        rules(&order_placed("1.1", with_an_optional_field)),
        expected
    );
    let found = of_types(&corpus(), &[&order_placed("1.0", with_an_optional_field)]).unwrap();
    assert_eq!(
        found[0].to_string(),
        "VERSION_NOT_RAISED order.placed\n  \
         the type has changed, and version 1.0 is released\n  \
         way out: set VERSION to 1.1, then run `fanout manifest`\n"
    );
}

#[test]
fn a_break_names_its_rule_its_place_both_versions_and_the_way_out() {
    let grown = || {
        let mut shape = released();
        shape["properties"]["channel"]["enum"] = json!(["web", "shop", "phone"]);
        shape
    };
    let found = of_types(&corpus(), &[&order_placed("1.1", grown)]).unwrap();
    assert_eq!(
        found[0].to_string(),
        "ENUM_GREW_WITHOUT_FALLBACK order.placed /properties/channel/enum: 1.1 writes, 1.0 reads\n  \
         `\"phone\"` is new, and older consumers have no fallback for it\n  \
         way out: give the enum a fallback first (`x-fallback`), in a version before the one that writes \
         the value; or add an optional field\n"
    );
}

#[test]
fn what_a_major_breaks_is_no_break_and_its_schema_has_another_path() {
    let other = || shape(json!({"id": {"type": "integer"}}), &["id"]);
    let next = KnownType {
        schema: "https://schemas.example.com/order-placed/v2",
        ..order_placed("2.0", other)
    };
    assert_eq!(rules(&next)[0].0, "SCHEMA_NOT_WRITTEN");
    let found = rules(&order_placed("2.0", other));
    assert_eq!(found[0].0, "SCHEMA_OF_OTHER_MAJOR");
}

#[test]
fn a_type_that_is_gone_and_one_outside_the_dialect_are_found() {
    let found = of_types(&corpus(), &[]).unwrap();
    assert_eq!(
        (found[0].rule, found[0].of.as_str()),
        ("TYPE_REMOVED", "order.placed")
    );
    let free = || {
        shape(
            json!({"tags": {"type": "object", "additionalProperties": {}}, "x": {}}),
            &[],
        )
    };
    let mut found = rules(&order_placed("1.0", free));
    found.retain(|(rule, ..)| *rule == "NOT_IN_DIALECT");
    assert!(
        found.iter().any(|(_, at, _)| at == "/properties/x"),
        "{found:?}"
    );
    let alike = || {
        shape(
            json!({"type": {"type": "string"}, "metadata": {"type": "string"}}),
            &[],
        )
    };
    assert!(
        rules(&order_placed("1.0", alike))
            .iter()
            .any(|it| it.0 == "LOOKS_LIKE_AN_ENVELOPE")
    );
}

#[test]
fn a_released_file_is_neither_edited_nor_removed_nor_left_without_a_sum() {
    let path = "order/golden/order.placed/1.0/event.json";
    let golden = json!({"userId": "u", "event": "order.placed"})
        .to_string()
        .into_bytes();
    let mut corpus = corpus();
    corpus.0.insert(path.to_owned(), golden.clone());
    let rules = |corpus: &Corpus| {
        of_files(corpus)
            .iter()
            .map(|it| it.rule)
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&corpus), ["NOT_RELEASED"; 3]);
    let sums: String = corpus
        .0
        .iter()
        .map(|(path, bytes)| {
            format!(
                "{}  {}\n",
                sum_of(bytes),
                path.strip_prefix("order/").unwrap()
            )
        })
        .collect();
    corpus
        .0
        .insert("order/released.sha256".to_owned(), sums.into());
    assert_eq!(rules(&corpus), [""; 0]);
    corpus.0.insert(path.to_owned(), b"{}".to_vec());
    assert_eq!(rules(&corpus), ["RELEASED_EDITED", "GOLDEN_NOT_READ"]);
    corpus.0.remove(path);
    assert_eq!(rules(&corpus), ["RELEASED_EDITED", "NO_GOLDEN_FILE"]);
}

#[test]
fn what_is_released_is_not_written_again() {
    let root = tempfile::tempdir().unwrap();
    let write = || {
        let new = unreleased(root.path()).unwrap();
        for (path, bytes) in &new {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        new
    };
    assert!(!write().is_empty());
    assert!(write().is_empty());
    let file = "shared/contracts/user/schemas/user.deleted/1.0/reader.json";
    std::fs::write(root.path().join(file), "{}").unwrap();
    assert!(write().is_empty(), "an edit is for the check to find");
}
