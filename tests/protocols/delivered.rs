//! Deliveries in the words of the tests.

use axum::Router;
use fanout_testkit::consumer_tests::{Answer, deliver, redrive};
use serde_json::Value;

/// Delivers an event and gives its outcome. `done` and the like must come with an ack, `busy` and
/// `failed` without.
pub(super) async fn outcome_of(app: &Router, event: &Value) -> String {
    let answer = deliver(app, event.to_string()).await;
    assert_settled_or_not(&answer);
    answer.outcome
}

/// The same of an event that an operator redrives.
pub(super) async fn redriven(app: &Router, event: &Value) -> String {
    let answer = redrive(app, event.to_string()).await;
    assert_settled_or_not(&answer);
    answer.outcome
}

fn assert_settled_or_not(answer: &Answer) {
    let status = match answer.outcome.as_str() {
        "done" | "duplicate" | "ignored" | "stale" | "parked" => 204,
        "busy" => 429,
        "failed" => 503,
        other => panic!("an unknown outcome: {other}"),
    };
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.acked(), status == 204, "{answer:?}");
}
