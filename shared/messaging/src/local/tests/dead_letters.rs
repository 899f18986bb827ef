//! Messages that keep failing.

use super::endpoint::{Endpoint, Reply};
use super::system::{DEAD_LETTER_TOPIC, ManualClock, System};
use super::system::{folder, keyed, message, pull_from, push, until, with_dead_letters};
use crate::local::Mischief;
use crate::{OutgoingMessage, Subscription};

#[tokio::test]
async fn after_the_last_failure_a_message_goes_to_the_dead_letter_topic() {
    let folder = folder();
    let endpoint = Endpoint::start(|_| Reply::Status(400)).await;
    let subscriptions = [
        with_dead_letters(push("email", endpoint.url()), 3),
        pull_from(DEAD_LETTER_TOPIC, "email-dead"),
    ];
    let system = System::start(&folder, &subscriptions).await;
    let id = system
        .publish_message(OutgoingMessage {
            data: "hello".into(),
            attributes: [("own".to_owned(), "kept".to_owned())].into(),
            ordering_key: "usr_1".to_owned(),
        })
        .await;
    until("it is a dead letter", async || {
        system.backlog("email-dead").await == 1
    })
    .await;
    assert_eq!(system.backlog("email").await, 0);
    assert_eq!(endpoint.count(), 3);

    let dead = system
        .broker
        .pull("email-dead", 10)
        .await
        .unwrap()
        .remove(0)
        .message;
    assert_ne!(dead.message_id, id);
    assert_eq!(dead.data, "hello");
    assert_eq!(dead.ordering_key, "usr_1");
    let published = endpoint.requests()[0].message.publish_time;
    let published = published.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let attributes = dead
        .attributes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()));
    let expected = [
        ("CloudPubSubDeadLetterSourceDeliveryCount", "3"),
        ("CloudPubSubDeadLetterSourceSubscription", "email"),
        ("CloudPubSubDeadLetterSourceSubscriptionProject", "demo"),
        (
            "CloudPubSubDeadLetterSourceTopicPublishTime",
            published.as_str(),
        ),
        ("own", "kept"),
    ];
    assert_eq!(attributes.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_dead_letter_has_the_time_at_which_it_became_one() {
    let folder = folder();
    let endpoint = Endpoint::start(|_| Reply::Status(400)).await;
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
async fn a_dead_letter_does_not_hold_up_its_neighbours() {
    let folder = folder();
    let endpoint = Endpoint::start(|request| match request.text().as_str() {
        "poison" => Reply::Status(500),
        _ => Reply::Status(204),
    })
    .await;
    let subscriptions = [
        Subscription {
            ordered: true,
            ..with_dead_letters(push("email", endpoint.url()), 2)
        },
        pull_from(DEAD_LETTER_TOPIC, "email-dead"),
    ];
    let system = System::start(&folder, &subscriptions).await;
    for data in ["poison", "after it"] {
        system.publish_message(keyed(data, "usr_1")).await;
        system.publish_message(keyed(data, "usr_2")).await;
    }
    system.publish_message(message("poison")).await;
    system.drained("email").await;
    assert_eq!(system.backlog("email-dead").await, 3);
    let delivered = endpoint
        .requests()
        .into_iter()
        .filter(|request| request.text() == "after it");
    assert_eq!(delivered.count(), 2);
}

#[tokio::test]
async fn without_a_dead_letter_policy_a_message_is_tried_for_ever() {
    let folder = folder();
    let endpoint =
        Endpoint::start(|request| Reply::Status(if request.nth <= 30 { 500 } else { 204 })).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(endpoint.count(), 31);
}
