//! What can be published and set up, and who gets it.

use std::time::Duration;

use super::system::{DEAD_LETTER_TOPIC, System, TOPIC, topology};
use super::system::{folder, message, pull_from, push, with_dead_letters};
use crate::BrokerError;
use fanout_bus::{PublishError, Publisher, Subscription};

#[tokio::test]
async fn a_topic_that_is_not_there_refuses() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let publisher = system.broker.publisher();
    let error = publisher
        .publish("no-such-topic", message("hello"))
        .await
        .unwrap_err();
    let PublishError::Refused(cause) = error else {
        panic!("{error:?}");
    };
    assert_eq!(cause.to_string(), "there is no topic `no-such-topic`");
}

#[tokio::test]
async fn a_message_over_the_limits_is_refused_and_leaves_nothing_behind() {
    let folder = folder();
    let system = System::start(&folder, &[pull_from(TOPIC, "all")]).await;
    let publisher = system.broker.publisher();
    // Pub/Sub's adapter has no room for this one either.
    for refused in [message(""), message(&"x".repeat(9_999_980))] {
        let error = publisher.publish(TOPIC, refused).await.unwrap_err();
        assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    }
    let many = vec![message("fine"), message("")];
    assert!(system.broker.publish(TOPIC, many).await.is_err());
    assert_eq!(system.backlog("all").await, 0);
}

#[tokio::test]
async fn a_topic_without_subscriptions_takes_messages_and_keeps_none() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    system.publish("hello").await;
    assert_eq!(system.number("SELECT count(*) FROM messages").await, 0);
}

type Fault = fn(&mut Subscription);

#[tokio::test]
async fn a_topology_that_contradicts_itself_is_refused_whole() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let table: [(Fault, &str); 8] = [
        (
            |faulty| faulty.topic = "nowhere".to_owned(),
            "there is no topic `nowhere`",
        ),
        (
            |faulty| faulty.topic = DEAD_LETTER_TOPIC.to_owned(),
            "subscription `faulty`: its dead letters would come back to it",
        ),
        (
            |faulty| *faulty = with_dead_letters(faulty.clone(), 0),
            "subscription `faulty`: at least one delivery must be tried",
        ),
        (
            |faulty| faulty.push_endpoint = Some("https://localhost/".to_owned()),
            "subscription `faulty`: its push endpoint must be a URL that begins with http://",
        ),
        (
            |faulty| faulty.ack_deadline = Duration::ZERO,
            "subscription `faulty`: its ack deadline must be from a millisecond to ten minutes",
        ),
        (
            |faulty| faulty.backoff.min = Duration::from_secs(1),
            "subscription `faulty`: its back-off must grow from a shortest wait to a longest of at most ten minutes",
        ),
        (
            |faulty| faulty.filter = Some("attributes.x".to_owned()),
            "subscription `faulty`: the filter is not in Pub/Sub's filter language: `=` or `!=` expected at byte 12",
        ),
        (
            |faulty| faulty.name = "googly".to_owned(),
            "`googly` is no name for a topic or subscription: 3 to 255 letters, digits and -_.~+%, the first a letter, not beginning with goog",
        ),
    ];
    let endpoint = || "http://localhost:1/".to_owned();
    for (spoil, sentence) in table {
        let other = push("other", endpoint());
        let mut faulty = with_dead_letters(push("faulty", endpoint()), 5);
        spoil(&mut faulty);
        let topology = topology(&[other, faulty]);
        let error = system.broker.set_up(&topology).await.unwrap_err();
        assert_eq!(error.to_string(), sentence);
        let backlog = system.broker.backlog("other").await;
        assert!(matches!(
            backlog,
            Err(BrokerError::Unknown("subscription", _))
        ));
    }
}
