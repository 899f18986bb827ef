//! Waiting between deliveries, and counting them.

use std::sync::Arc;
use std::time::Duration;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{ManualClock, System, folder, push, until, with_dead_letters};
use crate::Mischief;
use fanout_bus::{Backoff, Subscription};

const NEXT_DELIVERY: &str = "SELECT due_ms FROM deliveries";
const FAILURES: &str = "SELECT attempts FROM deliveries";

#[tokio::test]
async fn each_failure_doubles_the_wait_until_the_longest() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(503)).await;
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let subscription = Subscription {
        backoff: Backoff {
            min: Duration::from_secs(10),
            max: Duration::from_secs(600),
        },
        ..push("email", endpoint.url())
    };
    let clock_of_broker = Arc::clone(&clock);
    let mischief = Mischief::default();
    let system = System::start_with(&folder, clock_of_broker, mischief, &[subscription]).await;
    system.publish("hello").await;
    let published = system.number(NEXT_DELIVERY).await;
    let mut now = published;
    for (failures, expected) in (1..).zip([10, 20, 40, 80, 160, 320, 600, 600, 600]) {
        let counted = async || system.number(FAILURES).await == failures;
        until("the failure is counted", counted).await;
        let wait = system.number(NEXT_DELIVERY).await - now;
        let bounds = (expected * 800).max(10_000)..=(expected * 1_200).min(600_000);
        assert!(bounds.contains(&wait), "{wait} ms after failure {failures}");
        assert_eq!(endpoint.count(), usize::try_from(failures).unwrap());
        clock.move_by(wait);
        now += wait;
        system.broker.wake();
    }
}

#[tokio::test]
async fn a_message_is_not_delivered_before_its_wait_is_over() {
    let folder = folder();
    let endpoint =
        PushEndpoint::start(|push| Reply::Status(if push.text() == "hello" { 500 } else { 204 }))
            .await;
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let subscriptions = [push("email", endpoint.url())];
    let moved = Arc::clone(&clock);
    let system = System::start_with(&folder, moved, Mischief::default(), &subscriptions).await;
    system.publish("hello").await;
    let came = |text: &str| {
        endpoint
            .pushes()
            .iter()
            .filter(|it| it.text() == text)
            .count()
    };
    let mut elapsed = 0;
    for failures in 1..5 {
        let counted = async || system.number("SELECT max(attempts) FROM deliveries").await;
        until("the failure is counted", async || {
            counted().await == failures
        })
        .await;
        let due = "SELECT due_ms - publish_time_ms FROM deliveries JOIN messages ON id = message
            WHERE attempts > 0";
        let due = system.number(due).await;
        clock.move_by(due - 1 - elapsed);
        elapsed = due;
        // The look that finds this one would find the other too, were it due.
        let witness = failures.to_string();
        system.publish(&witness).await;
        until("the witness has come", async || came(&witness) == 1).await;
        assert_eq!(came("hello"), usize::try_from(failures).unwrap());
        clock.move_by(1);
        system.broker.wake();
    }
}

#[tokio::test]
async fn the_count_of_failures_survives_a_restart() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|request| match request.nth {
        3.. => Reply::Never,
        _ => Reply::Status(500),
    })
    .await;
    let subscriptions = [with_dead_letters(push("email", endpoint.url()), 10)];
    let system = System::start(&folder, &subscriptions).await;
    system.publish("hello").await;
    until("the third delivery is under way", async || {
        endpoint.count() == 3
    })
    .await;
    drop(system);

    let _system = System::start(&folder, &subscriptions).await;
    until("it is delivered again", async || endpoint.count() == 4).await;
    let attempts = endpoint
        .pushes()
        .into_iter()
        .map(|request| request.message.delivery_attempt);
    // The third was cut off by the restart: it neither succeeded nor failed.
    let expected = [Some(1), Some(2), Some(3), Some(3)];
    assert_eq!(attempts.collect::<Vec<_>>(), expected);
}
