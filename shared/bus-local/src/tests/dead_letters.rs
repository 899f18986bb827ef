//! Messages that keep failing.

use std::time::Duration;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{DEAD_LETTER_TOPIC, ManualClock, System};
use super::system::{folder, pull_from, push, until, with_dead_letters};
use crate::Mischief;
use fanout_bus::Subscription;

#[tokio::test]
async fn a_dead_letter_has_the_time_at_which_it_became_one() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(400)).await;
    let subscriptions = [
        with_dead_letters(push("email", endpoint.url()), 2),
        pull_from(DEAD_LETTER_TOPIC, "email-dead"),
    ];
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let moved = std::sync::Arc::clone(&clock);
    let system = System::start_with(&folder, moved, Mischief::default(), &subscriptions).await;
    system.publish("hello").await;
    until("it has failed once", async || {
        system.number("SELECT attempts FROM deliveries").await == 1
    })
    .await;
    clock.move_by(60_000);
    system.broker.wake();
    until("it is a dead letter", async || {
        system.backlog("email-dead").await == 1
    })
    .await;
    let dead = system
        .broker
        .pull("email-dead", 1)
        .await
        .unwrap()
        .remove(0)
        .message;
    assert_eq!(dead.publish_time.to_rfc3339(), "2026-11-20T12:01:00+00:00");
    let source_time = &dead.attributes["CloudPubSubDeadLetterSourceTopicPublishTime"];
    assert_eq!(source_time, "2026-11-20T12:00:00.000Z");
}

#[tokio::test]
async fn a_delivery_that_is_never_answered_counts_as_one_that_failed() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Never).await;
    let impatient = Subscription {
        ack_deadline: Duration::from_millis(50),
        ..with_dead_letters(push("email", endpoint.url()), 3)
    };
    let subscriptions = [impatient, pull_from(DEAD_LETTER_TOPIC, "email-dead")];
    let system = System::start(&folder, &subscriptions).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(endpoint.count(), 3);
    let dead = system.broker.pull("email-dead", 1).await.unwrap();
    let attributes = &dead[0].message.attributes;
    assert_eq!(attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "3");
}

#[tokio::test]
async fn without_its_topic_a_dead_letter_waits_as_long_as_any_other_message() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(500)).await;
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let subscriptions = [with_dead_letters(push("email", endpoint.url()), 1)];
    let stopped = std::sync::Arc::clone(&clock);
    let system = System::start_with(&folder, stopped, Mischief::default(), &subscriptions).await;
    system.broker.delete_topic(DEAD_LETTER_TOPIC).await.unwrap();
    system.publish("hello").await;
    let counted = async || system.number("SELECT attempts FROM deliveries").await == 1;
    until("the failure is counted", counted).await;
    let wait = "SELECT due_ms - publish_time_ms FROM deliveries JOIN messages ON id = message";
    let wait = system.number(wait).await;
    assert!((10..=20).contains(&wait), "{wait} ms");
}

#[tokio::test]
async fn a_dead_letter_is_pushed_to_whom_its_topic_pushes() {
    let folder = folder();
    let failing = PushEndpoint::start(|_| Reply::Status(500)).await;
    let operator = PushEndpoint::start(|_| Reply::Status(204)).await;
    let letters = Subscription {
        topic: DEAD_LETTER_TOPIC.to_owned(),
        ..push("letters", operator.url())
    };
    let subscriptions = [with_dead_letters(push("email", failing.url()), 1), letters];
    let system = System::start(&folder, &subscriptions).await;
    system.publish("hello").await;
    system.drained("email").await;
    system.drained("letters").await;
    assert_eq!((failing.count(), operator.count()), (1, 1));
}

#[tokio::test]
async fn without_a_dead_letter_policy_a_message_is_tried_for_ever() {
    let folder = folder();
    let endpoint =
        PushEndpoint::start(|request| Reply::Status(if request.nth <= 30 { 500 } else { 204 }))
            .await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(endpoint.count(), 31);
}
