//! Ordering keys.

use std::collections::BTreeMap;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{DEAD_LETTER_TOPIC, ManualClock, System, TOPIC, topology};
use super::system::{folder, keyed, message, pull_from, push, retaining, until, with_dead_letters};
use crate::{Broker, Mischief};
use fanout_bus::Subscription;

fn ordered(subscription: Subscription) -> Subscription {
    Subscription {
        ordered: true,
        ..subscription
    }
}

/// The texts that came in, by ordering key, in order of arrival.
fn by_key(endpoint: &PushEndpoint) -> BTreeMap<String, Vec<String>> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in endpoint.pushes() {
        let key = request.message.ordering_key.clone();
        texts.entry(key).or_default().push(request.text());
    }
    texts
}

/// Pulls one message and acks it; gives its text.
async fn take_one(broker: &Broker, subscription: &str) -> Option<String> {
    let pulled = broker.pull(subscription, 10).await.unwrap();
    assert!(pulled.len() <= 1, "of a key there is one at a time");
    let pulled = pulled.into_iter().next()?;
    broker
        .acknowledge(subscription, &[pulled.ack_id])
        .await
        .unwrap();
    Some(String::from_utf8(pulled.message.data.to_vec()).unwrap())
}

#[tokio::test]
async fn a_key_that_is_held_up_in_one_subscription_goes_on_in_the_others() {
    let folder = folder();
    let subscriptions = [
        ordered(pull_from(TOPIC, "held-up")),
        ordered(pull_from(TOPIC, "going-on")),
    ];
    let system = System::start(&folder, &subscriptions).await;
    for data in ["1", "2"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    let next = async || take_one(&system.broker, "going-on").await;
    assert_eq!(next().await.as_deref(), Some("1"));
    assert_eq!(next().await.as_deref(), Some("2"));
    system.publish_message(keyed("3", "usr_1")).await;
    assert_eq!(next().await.as_deref(), Some("3"));
    assert_eq!(system.backlog("held-up").await, 3);
}

/// What waits for an ack goes on waiting for it, whatever happens to other messages of its key.
#[tokio::test]
async fn putting_a_queue_right_hands_nothing_out_a_second_time() {
    let folder = folder();
    let subscriptions = [
        ordered(pull_from(TOPIC, "held-up")),
        ordered(retaining(pull_from(TOPIC, "sought"))),
    ];
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let moved = std::sync::Arc::clone(&clock);
    let system = System::start_with(&folder, moved, Mischief::default(), &subscriptions).await;
    for data in ["1", "2"] {
        system.publish_message(keyed(data, "usr_1")).await;
        clock.move_by(1_000);
    }
    let broker = &system.broker;
    let take = async || broker.pull("sought", 10).await.unwrap();
    let seek = async |time: &str| {
        let time = time.parse().unwrap();
        broker.seek("sought", time).await.unwrap();
    };
    assert_eq!(take_one(broker, "sought").await.as_deref(), Some("1"));
    let second = take().await.remove(0);
    seek("2026-11-20T12:00:01Z").await;
    assert_eq!(take().await, [], "the second is held still");

    seek("2026-11-20T12:00:00Z").await;
    let first = take().await.remove(0);
    assert_eq!(&first.message.data[..], b"1");
    let late = [second.ack_id];
    broker.acknowledge("sought", &late).await.unwrap();
    assert_eq!(take().await, [], "the first is held still");
    assert_eq!(system.backlog("sought").await, 1);
}

#[tokio::test]
async fn the_message_behind_a_dead_letter_goes_on() {
    let folder = folder();
    let endpoint =
        PushEndpoint::start(|push| Reply::Status(if push.text() == "poison" { 400 } else { 204 }))
            .await;
    let subscriptions = [
        ordered(with_dead_letters(push("crm", endpoint.url()), 2)),
        ordered(with_dead_letters(pull_from(TOPIC, "by-hand"), 2)),
        pull_from(DEAD_LETTER_TOPIC, "dead"),
    ];
    let system = System::start(&folder, &subscriptions).await;
    for data in ["poison", "fine", "last"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    system.drained("crm").await;
    let order = by_key(&endpoint).remove("usr_1").unwrap();
    assert_eq!(order, ["poison", "poison", "fine", "last"]);

    for _ in 0..2 {
        let pulled = system.broker.pull("by-hand", 1).await.unwrap();
        let given_back = [pulled[0].ack_id.clone()];
        let at_once = std::time::Duration::ZERO;
        system
            .broker
            .modify_ack_deadline("by-hand", &given_back, at_once)
            .await
            .unwrap();
    }
    let next = async || take_one(&system.broker, "by-hand").await;
    assert_eq!(next().await.as_deref(), Some("fine"));
    assert_eq!(next().await.as_deref(), Some("last"));
    assert_eq!(system.backlog("dead").await, 2);
}

#[tokio::test]
async fn order_is_kept_over_a_crash_and_under_mischief() {
    let folder = folder();
    let hanging = PushEndpoint::start(|_| Reply::Never).await;
    let system = System::start(&folder, &[ordered(push("crm", hanging.url()))]).await;
    for number in 10..20 {
        system
            .publish_message(keyed(&number.to_string(), "usr_1"))
            .await;
    }
    until("the first is under way", async || hanging.count() == 1).await;
    drop(system);

    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let mischief = Mischief {
        duplicates: 0.2,
        errors: 0.2,
        reorder: true,
    };
    let subscriptions = [ordered(push("crm", endpoint.url()))];
    let clock = std::sync::Arc::new(fanout_runtime::SystemClock);
    let system = System::start_with(&folder, clock, mischief, &subscriptions).await;
    system.drained("crm").await;
    assert_eq!(hanging.count(), 1);
    let mut texts = by_key(&endpoint).remove("usr_1").unwrap();
    texts.dedup();
    let expected: Vec<String> = (10..20).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn without_ordering_the_key_travels_along_but_nothing_waits() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Never).await;
    let system = System::start(&folder, &[push("crm", endpoint.url())]).await;
    for data in ["first", "second", "third"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    until("all are under way", async || endpoint.most_under_way() == 3).await;
}

#[tokio::test]
async fn a_subscription_can_begin_and_cease_to_keep_order_while_messages_wait() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Never).await;
    // Nothing is delivered yet: a pull subscription only waits.
    let waiting = pull_from(TOPIC, "crm");
    let system = System::start(&folder, &[waiting]).await;
    for number in 0..3 {
        system
            .publish_message(keyed(&number.to_string(), "usr_1"))
            .await;
        system.publish_message(message(&number.to_string())).await;
    }
    let set_up = async |subscription| {
        let topology = topology(&[subscription]);
        system.broker.set_up(&topology).await.unwrap();
    };
    set_up(ordered(push("crm", endpoint.url()))).await;
    until("one with the key and those without", async || {
        endpoint.count() == 4
    })
    .await;
    assert_eq!(by_key(&endpoint)["usr_1"].len(), 1);
    set_up(push("crm", endpoint.url())).await;
    until("the others too", async || endpoint.count() == 6).await;
}

#[tokio::test]
async fn what_is_handed_out_stays_so_when_the_subscription_ceases_to_keep_order() {
    let folder = folder();
    let by_hand = pull_from(TOPIC, "by-hand");
    let system = System::start(&folder, &[ordered(by_hand.clone())]).await;
    for data in ["1", "2"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    assert_eq!(system.broker.pull("by-hand", 10).await.unwrap().len(), 1);
    system.broker.set_up(&topology(&[by_hand])).await.unwrap();
    let rest = system.broker.pull("by-hand", 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(&rest[0].message.data[..], b"2");
}
