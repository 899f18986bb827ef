//! Each golden file through each consumer, as a real push: what becomes of it never changes.

use std::fmt::Write as _;

use chrono::Datelike;
use fanout_kernel::ServiceSpec;
use fanout_store::{Fields, Query, Value, all_documents};
use serde_json::json;
use system::SERVICES;

use super::{Golden, golden, message, push};
use crate::support::LoneConsumer;

/// What a consumer keeps, a line for each document. Times of today are left out.
async fn kept(spec: &ServiceSpec, consumer: &LoneConsumer) -> Vec<String> {
    let mut lines = Vec::new();
    for collection in spec.collections {
        let documents = all_documents(consumer.documents.as_ref(), Query::of(collection)).await;
        for document in documents.unwrap() {
            let id = document.key.id();
            lines.push(format!(
                "{} {id} {}",
                collection.name,
                object(&document.fields)
            ));
        }
    }
    lines
}

fn object(fields: &Fields) -> serde_json::Value {
    let fields = fields
        .iter()
        .map(|(name, value)| (name.to_owned(), shown(value)));
    serde_json::Value::Object(fields.collect())
}

fn shown(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Boolean(it) => json!(it),
        Value::Integer(it) => json!(it),
        Value::Double(it) => json!(it),
        Value::Text(it) => json!(it),
        Value::Timestamp(it) if (it.year(), it.month(), it.day()) == (2026, 11, 20) => json!(it),
        Value::Timestamp(_) => json!("[now]"),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Map(fields) => object(fields),
        Value::Foreign(kind) => json!(kind),
    }
}

/// A consumer keeps nothing of what it does not handle, so one serves for all of that.
async fn pushed(
    spec: &ServiceSpec,
    others: &LoneConsumer,
    golden: &Golden,
) -> (String, Vec<String>) {
    let subscriber = spec.subscriber.as_ref().unwrap();
    let event_type = golden.name.split('/').next().unwrap();
    let message = message(&golden.data, &golden.attributes, "17");
    if subscriber.types().any(|name| name == event_type) {
        let consumer = LoneConsumer::of(spec).await;
        let outcome = push(&consumer, &message).await;
        (outcome, kept(spec, &consumer).await)
    } else {
        (push(others, &message).await, Vec::new())
    }
}

#[tokio::test]
async fn every_golden_file_does_to_every_consumer_what_it_always_did() {
    let mut text = String::new();
    let golden = golden();
    assert!(golden.len() >= 5);
    for spec in SERVICES.iter().filter(|spec| spec.subscriber.is_some()) {
        let others = LoneConsumer::of(spec).await;
        for golden in &golden {
            let (outcome, lines) = pushed(spec, &others, golden).await;
            writeln!(text, "{} <- {}: {outcome}", spec.name, golden.name).unwrap();
            lines
                .iter()
                .for_each(|line| writeln!(text, "    {line}").unwrap());
        }
        assert_eq!(kept(spec, &others).await, [""; 0]);
    }
    insta::assert_snapshot!(text);
}
