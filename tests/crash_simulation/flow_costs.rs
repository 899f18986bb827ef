//! What an order costs in each flow: the calls of ports of one world in which nothing goes wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::exhaustive::case_named;

/// The same order, asked for and reacted to.
const STORIES: [(&str, [&str; 2]); 2] = [
    ("an order that is confirmed", ["order", "twin"]),
    (
        "an order that is shipped to nowhere, and undone",
        ["order-to-nowhere", "twin-to-nowhere"],
    ),
];

/// The page about sagas has these figures.
#[test]
fn what_an_order_costs_in_each_flow_is_what_the_page_says() {
    let mut text = String::new();
    for (what, stories) in STORIES {
        writeln!(text, "{what}").unwrap();
        for (flow, story) in ["orchestrated", "choreographed"].iter().zip(stories) {
            let ran = case_named(&format!("{story}:"), None).run_traced();
            assert!(ran.violations.is_empty());
            let mut calls: BTreeMap<&str, u32> = BTreeMap::new();
            for line in &ran.trace {
                let mut words = line.split_whitespace();
                let operation =
                    words.find(|it| it.starts_with("documents.") || it.starts_with("publisher."));
                if let Some(operation) = operation.filter(|_| line.contains('#')) {
                    *calls.entry(operation).or_default() += 1;
                }
            }
            writeln!(text, "  {flow:<14} {} events, {calls:?}", ran.events).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}
