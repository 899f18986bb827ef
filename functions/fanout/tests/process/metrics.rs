//! The numbers have the same names in the code, in Terraform and in the pages.

use std::collections::BTreeSet;

use fanout_telemetry::{FAMILIES, Family, Kind};

use crate::pages::{code, page, rows};

/// What Terraform makes of log lines: the keys of its map, and each one's text.
fn log_metrics() -> Vec<(String, String)> {
    let text = page("terraform/modules/monitoring/log-metrics.tf");
    let (_, map) = text.split_once("  _log_metrics = {\n").unwrap();
    let (map, _) = map.split_once("\n  }\n").unwrap();
    let entries = map.split("\n    }");
    let entries = entries.filter_map(|entry| entry.split_once(" = {"));
    entries
        .map(|(name, entry)| (name.trim().to_owned(), entry.to_owned()))
        .collect()
}

fn labels_of(entry: &str) -> Vec<&str> {
    let (_, labels) = entry.split_once("labels").unwrap();
    let (labels, _) = labels.split_once(']').unwrap();
    labels.split('"').skip(1).step_by(2).collect()
}

#[test]
fn terraform_makes_of_log_lines_the_numbers_that_prometheus_gets_by_the_same_labels() {
    let made = log_metrics();
    assert!(made.len() > 5, "{made:?}");
    for (name, entry) in &made {
        let same = |family: &&Family| family.log_based_name() == format!("fanout/{name}");
        let family = FAMILIES.iter().find(same).expect(name);
        assert_eq!(labels_of(entry), family.labels, "{name}");
        let counts = family.kind == Kind::Counter;
        assert_eq!(entry.contains("value = null"), counts, "{name}");
        let dashboard = page("terraform/modules/monitoring/dashboard.tf");
        let charted = dashboard.contains(&format!("_log_metric_types.{name}"));
        assert!(charted, "{name} is on no chart");
    }
}

#[test]
fn the_page_of_metrics_names_each_number_and_where_it_comes_from() {
    let metrics = page("docs/METRICS.md");
    let head = "| metric | labels | what it says | in Prometheus | in Google Cloud |";
    let table = rows(&metrics, head);
    let named = table.iter().map(|row| code(row[0]).concat());
    let families = FAMILIES.iter().map(|family| family.name.to_owned());
    assert_eq!(named.collect::<Vec<_>>(), families.collect::<Vec<_>>());
    let made: BTreeSet<String> = log_metrics().into_iter().map(|(name, _)| name).collect();
    for (row, family) in table.iter().zip(FAMILIES) {
        assert_eq!(code(row[1]), family.labels, "{row:?}");
        assert_eq!(code(row[3]), [family.prometheus_name()], "{row:?}");
        let cloud = code(row[4]).concat();
        match cloud.strip_prefix("fanout/") {
            Some(name) => assert!(made.contains(name), "{row:?}"),
            None => assert!(cloud.contains(".googleapis.com/"), "{row:?}"),
        }
    }
}
