//! Pull subscriptions.

use std::sync::Arc;
use std::time::Duration;

use super::system::{DEAD_LETTER_TOPIC, ManualClock, System, TOPIC};
use super::system::{folder, message, pull_from, push, with_dead_letters};
use crate::{Backlog, BrokerError, Mischief, PulledMessage, backlogs, housekeeping};
use fanout_bus::OutgoingMessage;
use fanout_runtime::Clock as _;
use fanout_store_sqlite::Database;

async fn system(folder: &tempfile::TempDir, clock: &Arc<ManualClock>) -> System {
    let subscriptions = [
        with_dead_letters(pull_from(TOPIC, "all"), 2),
        pull_from(DEAD_LETTER_TOPIC, "dead"),
        push("pushing", "http://127.0.0.1:1/".to_owned()),
    ];
    let clock = Arc::clone(clock);
    System::start_with(folder, clock, Mischief::default(), &subscriptions).await
}

fn texts(pulled: &[PulledMessage]) -> Vec<&[u8]> {
    pulled
        .iter()
        .map(|pulled| pulled.message.data.as_ref())
        .collect()
}

fn ack_ids(pulled: &[PulledMessage]) -> Vec<String> {
    pulled.iter().map(|pulled| pulled.ack_id.clone()).collect()
}

#[tokio::test]
async fn what_is_not_acked_is_counted_beside_the_broker_with_the_age_of_the_oldest() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    let beside = Database::open_to_read(&folder.path().join("db")).unwrap();
    assert_eq!(backlogs(&beside).await.unwrap().len(), 0);
    let oldest = clock.now();
    system.publish("a").await;
    clock.move_by(60_000);
    system.publish("b").await;
    let counted = async |name: &str| backlogs(&beside).await.unwrap().get(name).copied();
    let two = Backlog {
        messages: 2,
        oldest,
    };
    assert_eq!(counted("all").await, Some(two));
    assert_eq!(counted("dead").await, None);
    let first = ack_ids(&system.broker.pull("all", 1).await.unwrap());
    system.broker.acknowledge("all", &first).await.unwrap();
    let one = Backlog {
        messages: 1,
        oldest: clock.now(),
    };
    assert_eq!(counted("all").await, Some(one));
}

#[tokio::test]
async fn what_is_not_acked_in_time_is_handed_out_again_and_the_late_ack_changes_nothing() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    system.publish("a").await;
    let late = system.broker.pull("all", 1).await.unwrap();
    clock.move_by(10_000);
    let again = system.broker.pull("all", 1).await.unwrap();
    assert_eq!((texts(&again), again[0].attempt), (texts(&late), 2));
    system
        .broker
        .acknowledge("all", &ack_ids(&late))
        .await
        .unwrap();
    assert_eq!(system.backlog("all").await, 1);
    let (message, _) = again[0].ack_id.split_once('-').unwrap();
    let of_no_pull = [format!("{message}-3")];
    system.broker.acknowledge("all", &of_no_pull).await.unwrap();
    assert_eq!(system.backlog("all").await, 1);
    system
        .broker
        .acknowledge("all", &ack_ids(&again))
        .await
        .unwrap();
    system
        .broker
        .acknowledge("all", &ack_ids(&again))
        .await
        .unwrap();
    assert_eq!(system.backlog("all").await, 0);
}

#[tokio::test]
async fn the_ack_deadline_can_be_moved_and_zero_gives_back() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    system.publish("a").await;
    let held = ack_ids(&system.broker.pull("all", 1).await.unwrap());
    let minute = Duration::from_secs(60);
    system
        .broker
        .modify_ack_deadline("all", &held, minute)
        .await
        .unwrap();
    clock.move_by(30_000);
    assert!(system.broker.pull("all", 1).await.unwrap().is_empty());
    system
        .broker
        .modify_ack_deadline("all", &held, Duration::ZERO)
        .await
        .unwrap();
    let again = system.broker.pull("all", 1).await.unwrap();
    assert_eq!(again[0].attempt, 2);
    let (held, two_hours) = (ack_ids(&again), 120 * minute);
    system
        .broker
        .modify_ack_deadline("all", &held, two_hours)
        .await
        .unwrap();
    clock.move_by(599_999);
    housekeeping::tidy_up(&system.broker).await;
    for dead in [0, 1] {
        // Once it is due, two deliveries have gone by: it is a dead letter.
        assert!(system.broker.pull("all", 1).await.unwrap().is_empty());
        assert_eq!(system.backlog("dead").await, dead);
        clock.move_by(1);
    }
}

#[tokio::test]
async fn what_is_held_is_held_for_one_subscription() {
    let folder = folder();
    let subscriptions = [pull_from(TOPIC, "one"), pull_from(TOPIC, "other")];
    let system = System::start(&folder, &subscriptions).await;
    system.publish("a").await;
    let broker = &system.broker;
    let held = ack_ids(&broker.pull("one", 1).await.unwrap());
    assert_eq!(broker.pull("other", 1).await.unwrap().len(), 1);
    broker
        .modify_ack_deadline("one", &held, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(broker.pull("one", 1).await.unwrap()[0].attempt, 2);
    assert!(broker.pull("other", 1).await.unwrap().is_empty());
}

/// The loops of push subscriptions and pulls that wait sleep until they are told.
#[tokio::test]
async fn whatever_makes_messages_due_says_so() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    let broker = &system.broker;
    let mut messages = broker.watch_messages();
    let mut told = |what: &str| {
        assert!(messages.has_changed().unwrap(), "{what}");
        messages.mark_unchanged();
    };
    system.publish("a").await;
    told("a publish");
    for _ in 0..2 {
        let held = ack_ids(&broker.pull("all", 1).await.unwrap());
        broker
            .modify_ack_deadline("all", &held, Duration::ZERO)
            .await
            .unwrap();
        told("giving back");
    }
    assert!(broker.pull("all", 1).await.unwrap().is_empty());
    told("a dead letter");
    let held = ack_ids(&broker.pull("dead", 1).await.unwrap());
    broker.acknowledge("dead", &held).await.unwrap();
    told("an ack");
    broker.seek("all", broker.now()).await.unwrap();
    told("a seek");
    system.publish("b").await;
    told("a publish");
    clock.move_by(7 * 24 * 60 * 60 * 1_000 + 1);
    housekeeping::tidy_up(broker).await;
    told("the end of a retention");
}

#[tokio::test]
async fn a_message_that_is_never_acked_becomes_a_dead_letter() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    system.publish("a").await;
    for _ in 0..2 {
        assert_eq!(system.broker.pull("all", 1).await.unwrap().len(), 1);
        clock.move_by(10_000);
    }
    assert!(system.broker.pull("all", 1).await.unwrap().is_empty());
    assert_eq!(system.backlog("all").await, 0);
    let dead = system.broker.pull("dead", 1).await.unwrap();
    let attributes = &dead[0].message.attributes;
    assert_eq!(attributes["CloudPubSubDeadLetterSourceDeliveryCount"], "2");
    assert_eq!(dead[0].message.delivery_attempt, None);
}

#[tokio::test]
async fn what_cannot_be_pulled_or_acked_is_an_error() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    let error = system.broker.pull("nobody", 1).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no subscription `nobody`");
    let error = system.broker.pull("pushing", 1).await.unwrap_err();
    assert!(matches!(error, BrokerError::Unfit(_)), "{error}");
    for garbage in ["", "x", "1", "1-x", "x-1"] {
        let garbage = [garbage.to_owned()];
        let error = system
            .broker
            .acknowledge("all", &garbage)
            .await
            .unwrap_err();
        let expected = "an ack id is not one that a pull answered with";
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_pull_does_not_come_back_empty_because_dead_letters_stood_in_front() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    system.publish("hopeless").await;
    for _ in 0..2 {
        system.broker.pull("all", 1).await.unwrap();
        clock.move_by(10_000);
    }
    system.publish("fine").await;
    assert_eq!(
        texts(&system.broker.pull("all", 1).await.unwrap()),
        [b"fine"]
    );
}

#[tokio::test]
async fn a_pull_has_a_thousand_messages_at_most_and_ten_megabytes() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00Z"));
    let system = system(&folder, &clock).await;
    for _ in 0..2 {
        let messages = vec![message("x"); 1_000];
        system.broker.publish(TOPIC, messages).await.unwrap();
    }
    assert_eq!(
        system.broker.pull("all", usize::MAX).await.unwrap().len(),
        1_000
    );
    assert_eq!(system.broker.pull("all", 2_000).await.unwrap().len(), 1_000);
    // Attributes count as well as data.
    let value = "v".repeat(1_000);
    let attributes = (0..100)
        .map(|n| (format!("{n:0>100}"), value.clone()))
        .collect();
    let large = OutgoingMessage {
        attributes,
        ..message("")
    };
    for _ in 0..3 {
        let messages = vec![large.clone(); 60];
        system.broker.publish(TOPIC, messages).await.unwrap();
    }
    let pulled = system.broker.pull("all", 1_000).await.unwrap();
    assert!((80..100).contains(&pulled.len()), "{}", pulled.len());
}
