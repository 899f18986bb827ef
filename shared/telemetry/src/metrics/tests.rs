use std::collections::BTreeSet;
use std::time::Duration;

use fanout_runtime::Latency;
use tracing::{Subscriber, debug, info, warn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

fn counted_by(metrics: &Metrics) -> impl Subscriber {
    tracing_subscriber::registry().with(metrics.counting())
}

fn delivery(consumer: &str, outcome: &str, milliseconds: u64) {
    info!(
        consumer,
        outcome,
        event_id = "evt_1",
        httpRequest.requestMethod = "POST",
        httpRequest.requestUrl = "/pubsub/push",
        httpRequest.status = 204_u16,
        httpRequest.latency = %Latency(Duration::from_millis(milliseconds)),
        "delivered"
    );
}

#[test]
fn log_lines_are_counted_and_written_as_prometheus_reads_them() {
    let metrics = Metrics::default();
    tracing::subscriber::with_default(counted_by(&metrics), || {
        delivery("crm", "done", 2);
        delivery("crm", "done", 60);
        delivery("email", "duplicate", 12_000);
        warn!(
            consumer = "email",
            outcome = "parked",
            reason = "invalid",
            may_have_repeated = true,
            httpRequest.latency = %Latency(Duration::from_micros(500)),
            "parked"
        );
        let send_latency = Latency(Duration::from_millis(3));
        info!(topic = "user-events", event_id = "evt_1", %send_latency, "published");
        debug!(
            remaining = 2_u64,
            oldest_age_seconds = 7_u64,
            "outbox relayed"
        );
        info!(
            consumer = "crm",
            "neither a delivery nor anything else that is counted"
        );
    });
    let waiting = Waiting {
        subscription: "user-events-\"crm\"".to_owned(),
        messages: 4,
        oldest: Duration::from_millis(1_500),
    };
    insta::assert_snapshot!(metrics.text(&[waiting]));
}

#[test]
fn methods_that_a_caller_makes_up_are_one_series() {
    let metrics = Metrics::default();
    let answered = |method| {
        debug!(
            httpRequest.requestMethod = method,
            httpRequest.requestUrl = "/users",
            httpRequest.status = 405_u16,
            httpRequest.latency = %Latency(Duration::from_millis(1)),
            "answered"
        );
    };
    tracing::subscriber::with_default(counted_by(&metrics), || {
        for method in ["GET", "M1", "M2", "get"] {
            answered(method);
        }
    });
    let text = metrics.text(&[]);
    let counts = text
        .lines()
        .filter_map(|line| line.strip_prefix("http_server_request_duration_seconds_count{"));
    insta::assert_snapshot!(counts.collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_family_is_there_from_the_first_moment_on() {
    let text = Metrics::default().text(&[]);
    for family in FAMILIES {
        let name = family.prometheus_name();
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}: {text}");
    }
}

#[test]
fn what_the_relay_left_is_what_its_last_run_left() {
    let metrics = Metrics::default();
    tracing::subscriber::with_default(counted_by(&metrics), || {
        for remaining in [5_u64, 0] {
            debug!(remaining, oldest_age_seconds = remaining, "outbox relayed");
        }
    });
    let text = metrics.text(&[]);
    assert!(text.contains("\nfanout_outbox_rows 0\n"), "{text}");
}

#[test]
fn no_label_names_who_or_which_and_no_two_families_are_one() {
    let labels: BTreeSet<&str> = FAMILIES.iter().flat_map(|it| it.labels).copied().collect();
    let allowed = [
        "consumer",
        "method",
        "outcome",
        "reason",
        "route",
        "status",
        "subscription",
        "topic",
    ];
    assert_eq!(labels, BTreeSet::from(allowed));
    let names: BTreeSet<String> = FAMILIES.iter().map(Family::prometheus_name).collect();
    assert_eq!(names.len(), FAMILIES.len());
}
