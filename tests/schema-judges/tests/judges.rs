//! Three judges of the same changes: the rules, the crate `jsoncompat`, and values that the writer may
//! write, shown to a validator with the reader's schema. Where they differ, `verdicts.toml` says why.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests: a panic is their verdict, and their length is the caller's"
)]

use std::collections::BTreeMap;

use fanout_schemas::{RULES, Side, breaks, reader, writer};
use jsoncompat::{Role, SchemaDocument, check_compat};
use schema_judges::Instances;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Change {
    name: String,
    old: Value,
    new: Value,
    /// What is true, as a person found it.
    compatible: bool,
}

/// What the judges say of one direction of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Verdicts {
    checker: bool,
    jsoncompat: bool,
    /// Whether no instance was refused.
    instances: bool,
}

/// Why judges differ.
#[derive(Debug, Deserialize)]
struct Difference {
    change: String,
    direction: String,
    #[serde(flatten)]
    verdicts: Verdicts,
    why: String,
}

#[derive(Deserialize)]
struct Differences {
    difference: Vec<Difference>,
}

fn changes() -> Vec<Change> {
    serde_json::from_str(include_str!("../changes.json")).unwrap()
}

/// How many values are made of each writer: few, or `FANOUT_INSTANCES` over all pairs.
fn instances_of_each(pairs: usize) -> usize {
    let all = std::env::var("FANOUT_INSTANCES").ok();
    all.map_or(100, |all| all.parse::<usize>().unwrap().div_ceil(pairs))
}

/// Writer and reader of each direction; with their places in time.
fn directions(change: &Change) -> [(&'static str, Value, Value, (usize, usize)); 4] {
    let [old, new] = [&change.old, &change.new];
    [
        ("old writes, old reads", writer(old), reader(old), (0, 0)),
        ("old writes, new reads", writer(old), reader(new), (0, 1)),
        ("new writes, old reads", writer(new), reader(old), (1, 0)),
        ("new writes, new reads", writer(new), reader(new), (1, 1)),
    ]
}

fn by_rules(writer: &Value, reader: &Value, (writes, reads): (usize, usize)) -> bool {
    let writer = Side {
        schema: writer,
        order: writes,
    };
    let reader = Side {
        schema: reader,
        order: reads,
    };
    breaks(&writer, &reader, RULES).is_empty()
}

fn by_jsoncompat(writer: &Value, reader: &Value) -> bool {
    let document = |schema: &Value| SchemaDocument::from_json(schema).unwrap();
    check_compat(&document(writer), &document(reader), Role::Deserializer).unwrap()
}

fn by_instances(writer: &Value, reader: &Value, count: usize, seed: u64) -> bool {
    let options = jsonschema::options().should_validate_formats(true);
    let (written, read) = (
        options.build(writer).unwrap(),
        jsonschema::options()
            .should_validate_formats(true)
            .build(reader)
            .unwrap(),
    );
    let mut instances = Instances::seeded(seed);
    (0..count).all(|_| {
        let instance = instances.of(writer);
        assert!(
            written.is_valid(&instance),
            "{writer} does not describe {instance}"
        );
        read.is_valid(&instance)
    })
}

#[test]
fn three_judges_agree_or_it_is_written_down_why_not() {
    let differences: Differences = toml::from_str(include_str!("../verdicts.toml")).unwrap();
    let mut differences: BTreeMap<(String, String), Difference> = differences
        .difference
        .into_iter()
        .map(|it| ((it.change.clone(), it.direction.clone()), it))
        .collect();
    let changes = changes();
    let each = instances_of_each(changes.len() * 4);
    let mut wrong = Vec::new();
    for (seed, change) in changes.iter().enumerate() {
        for (direction, writer, reader, order) in directions(change) {
            let found = Verdicts {
                checker: by_rules(&writer, &reader, order),
                jsoncompat: by_jsoncompat(&writer, &reader),
                instances: by_instances(&writer, &reader, each, seed as u64),
            };
            let refuted = found.checker && !found.instances;
            let agree = found.checker == found.jsoncompat && found.checker == found.instances;
            let known = differences.remove(&(change.name.clone(), direction.to_owned()));
            let known = known.filter(|it| !it.why.is_empty()).map(|it| it.verdicts);
            let expected = if agree { None } else { Some(found) };
            if refuted || known != expected {
                wrong.push(format!(
                    "{} ({direction}): {found:?}, written down: {known:?}",
                    change.name
                ));
            }
        }
    }
    wrong.extend(
        differences
            .into_values()
            .map(|it| format!("no such change: {it:?}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a judge says of a change: yes if all directions hold.
fn of_change(change: &Change, judge: impl Fn(&Value, &Value, (usize, usize)) -> bool) -> bool {
    directions(change)
        .iter()
        .all(|(_, writer, reader, order)| judge(writer, reader, *order))
}

#[test]
fn the_rules_never_say_yes_where_a_person_says_no() {
    for change in changes() {
        let says = of_change(&change, by_rules);
        assert!(!says || change.compatible, "{}", change.name);
    }
}

/// The page is made by `.ci/schema-peers`, which asks two further tools; what these two say is held
/// here.
#[test]
fn the_page_says_what_the_rules_and_jsoncompat_say() {
    let page = include_str!("../../../docs/SCHEMA_CHECKERS.md");
    for change in changes() {
        // What is wrong stands in bold type.
        let cell = |says: bool| match (says, says == change.compatible) {
            (true, true) => "yes",
            (false, true) => "no",
            (true, false) => "**yes**",
            (false, false) => "**no**",
        };
        let checker = cell(of_change(&change, by_rules));
        let jsoncompat = of_change(&change, |writer, reader, _| by_jsoncompat(writer, reader));
        let (name, truth) = (&change.name, cell(change.compatible));
        let row = format!("\n| {name} | {truth} | {checker} | {} | ", cell(jsoncompat));
        assert!(page.contains(&row), "{row}");
    }
}

/// For `.ci/schema-peers`: a line of JSON for each change.
#[test]
#[ignore = "it prints, for .ci/schema-peers"]
fn print_verdicts() {
    for change in changes() {
        let sides = directions(&change).map(|(_, writer, reader, _)| json!([writer, reader]));
        let line = json!({
            "name": change.name,
            "truth": change.compatible,
            "checker": of_change(&change, by_rules),
            "jsoncompat": of_change(&change, |writer, reader, _| by_jsoncompat(writer, reader)),
            "pairs": sides,
            "readers": [reader(&change.old), reader(&change.new)],
        });
        println!("verdict {line}");
    }
}
