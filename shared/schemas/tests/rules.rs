//! Each rule has a pair of fixtures: one that breaks it and no other, and one that passes. Taking a
//! rule out must be noticed, whichever it is.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::{BTreeMap, BTreeSet};

use fanout_schemas::{RULES, Rule, Side, breaks, faults};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Pair {
    writer: Value,
    reader: Value,
    newer: String,
}

#[derive(Deserialize)]
struct Fixture {
    breaks: Pair,
    passes: Pair,
}

fn fixtures() -> BTreeMap<String, Fixture> {
    serde_json::from_str(include_str!("fixtures.json")).unwrap()
}

fn broken(pair: &Pair, rules: &[Rule]) -> BTreeSet<&'static str> {
    let (writer, reader) = match pair.newer.as_str() {
        "writer" => (1, 0),
        "reader" => (0, 1),
        other => panic!("{other}"),
    };
    let writer = Side {
        schema: &pair.writer,
        order: writer,
    };
    let reader = Side {
        schema: &pair.reader,
        order: reader,
    };
    breaks(&writer, &reader, rules)
        .into_iter()
        .map(|it| it.rule)
        .collect()
}

/// The rules whose fixtures these rules do not judge as they should.
fn misjudged(rules: &[Rule]) -> Vec<String> {
    let wrong = fixtures().into_iter().filter(|(id, fixture)| {
        let expected = BTreeSet::from([id.as_str()]);
        broken(&fixture.breaks, rules) != expected || !broken(&fixture.passes, rules).is_empty()
    });
    wrong.map(|(id, _)| id).collect()
}

#[test]
fn every_rule_has_a_pair_of_fixtures_and_judges_both_as_it_should() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    let fixtures = fixtures();
    assert_eq!(
        fixtures.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        ids
    );
    assert_eq!(misjudged(RULES), [""; 0]);
}

#[test]
fn a_rule_that_is_taken_out_is_missed_whichever_it_is() {
    for rule in RULES {
        let without: Vec<Rule> = RULES
            .iter()
            .filter(|it| it.id != rule.id)
            .copied()
            .collect();
        assert_eq!(misjudged(&without), [rule.id]);
    }
}

#[test]
fn what_has_no_rule_is_not_in_the_dialect() {
    let field =
        |schema: Value| json!({"type": "object", "properties": {"x": schema}, "required": ["x"]});
    for outside in [
        json!({}),
        json!(true),
        json!({"type": "texts"}),
        json!({"type": ["string", "integer"]}),
        json!({"type": "string", "allOf": [{"minLength": 1}]}),
        json!({"type": "string", "not": {"const": "x"}}),
        json!({"type": "string", "if": {}, "then": {}}),
        json!({"type": "object", "patternProperties": {"^x": {}}}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"type": "object", "properties": {}, "required": ["y"]}),
        json!({"type": "array"}),
        json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true}),
        json!({"type": "integer", "multipleOf": 2}),
        json!({"type": "integer", "minLength": 2}),
        json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"oneOf": []}),
        json!({"oneOf": [field(json!({"type": "string", "const": "a"})), field(json!({"type": "string", "const": "a"}))]}),
        json!({"$ref": "#/$defs/x"}),
    ] {
        let found = faults(&field(outside.clone()));
        assert!(!found.is_empty(), "{outside}");
        assert!(
            found
                .iter()
                .all(|it| it.pointer.starts_with("/properties/x")),
            "{found:?}"
        );
    }
}
