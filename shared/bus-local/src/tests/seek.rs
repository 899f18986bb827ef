//! Seeking, where time must stand still to be exact.

use std::sync::Arc;
use std::time::Duration;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{ManualClock, System, TOPIC};
use super::system::{folder, keyed, message, pull_from, push, retaining, until};
use crate::{BrokerError, Mischief};
use fanout_bus::Subscription;

async fn texts(system: &System, subscription: &str) -> Vec<String> {
    let pulled = system.broker.pull(subscription, 10).await.unwrap();
    let text = |data: &[u8]| String::from_utf8(data.to_vec()).unwrap();
    pulled.iter().map(|it| text(&it.message.data)).collect()
}

#[tokio::test]
async fn a_message_of_the_very_time_comes_back_and_one_a_moment_earlier_does_not() {
    let (folder, clock) = (folder(), ManualClock::at("2026-11-20T12:00:00.123Z"));
    let subscriptions = [retaining(pull_from(TOPIC, "all"))];
    let moved = Arc::clone(&clock);
    let system = System::start_with(&folder, moved, Mischief::default(), &subscriptions).await;
    for data in ["a", "b", "c"] {
        system.publish(data).await;
        clock.move_by(1);
    }
    let seek = async |time: &str| {
        let time = time.parse().unwrap();
        system.broker.seek("all", time).await.unwrap();
        texts(&system, "all").await
    };
    assert_eq!(seek("2026-11-20T12:00:01Z").await, [""; 0]);
    assert_eq!(seek("2026-11-20T12:00:00.125Z").await, ["c"]);
    assert_eq!(seek("2026-11-20T12:00:00.123001Z").await, ["b"]);
    assert_eq!(seek("2026-11-20T12:00:00.123Z").await, ["a"]);
    assert_eq!(system.backlog("all").await, 3, "b and c are still held");
    assert_eq!(seek("2026-11-20T12:00:00.124Z").await, [""; 0]);
    assert_eq!(system.backlog("all").await, 2);
}

#[tokio::test]
async fn what_comes_back_comes_in_the_order_of_its_key_and_before_what_waits() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|push| match (push.text().as_str(), push.nth) {
        ("3", 1) => Reply::Status(500),
        _ => Reply::After(Duration::from_millis(30), 204),
    })
    .await;
    let clock = ManualClock::at("2026-11-20T12:00:00Z");
    let subscription = Subscription {
        ordered: true,
        ..retaining(push("crm", endpoint.url()))
    };
    let moved = Arc::clone(&clock);
    let system = System::start_with(&folder, moved, Mischief::default(), &[subscription]).await;
    for data in ["1", "2", "3", "4"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    // 3 waits for its second delivery, as the clock stands still.
    let failed = "SELECT count(*) FROM deliveries WHERE attempts = 1";
    until("3 has failed", async || system.number(failed).await == 1).await;
    let start = "2026-11-20T12:00:00Z".parse().unwrap();
    system.broker.seek("crm", start).await.unwrap();
    clock.move_by(1_000);
    system.broker.wake();
    system.drained("crm").await;
    let order: Vec<String> = endpoint.pushes().iter().map(|push| push.text()).collect();
    assert_eq!(order, ["1", "2", "3", "1", "2", "3", "4"]);
    assert_eq!(endpoint.most_under_way(), 1);
}

#[tokio::test]
async fn without_retained_messages_the_past_holds_nothing_and_the_file_neither() {
    let folder = folder();
    let system = System::start(
        &folder,
        &[pull_from(TOPIC, "all"), pull_from(TOPIC, "other")],
    )
    .await;
    let messages = vec![message("hello"); 3];
    system.broker.publish(TOPIC, messages).await.unwrap();
    for (time, left) in [
        ("2000-01-01T00:00:00Z", 3),
        ("2100-01-01T00:00:00Z", 0),
        ("2000-01-01T00:00:00Z", 0),
    ] {
        system
            .broker
            .seek("all", time.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(system.backlog("all").await, left, "{time}");
    }
    assert_eq!(system.backlog("other").await, 3);
    system
        .broker
        .seek("other", "2100-01-01T00:00:00Z".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(system.number("SELECT count(*) FROM messages").await, 0);
    let error = system
        .broker
        .seek("nobody", "2100-01-01T00:00:00Z".parse().unwrap())
        .await;
    assert!(matches!(
        error,
        Err(BrokerError::Unknown("subscription", _))
    ));
}

#[tokio::test]
async fn a_seek_moves_one_subscription_and_wakes_it() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let subscriptions = [
        retaining(push("sought", endpoint.url())),
        retaining(pull_from(TOPIC, "other")),
    ];
    let system = System::start(&folder, &subscriptions).await;
    let broker = &system.broker;
    system.publish("acked").await;
    let acked = broker.pull("other", 1).await.unwrap().remove(0);
    broker.acknowledge("other", &[acked.ack_id]).await.unwrap();
    system.publish("waiting").await;
    system.drained("sought").await;
    let (past, future) = ("2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    broker.seek("sought", past.parse().unwrap()).await.unwrap();
    until("both come again", async || endpoint.count() == 4).await;
    broker
        .seek("sought", future.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(texts(&system, "other").await, ["waiting"]);
    broker.seek("other", past.parse().unwrap()).await.unwrap();
    assert_eq!(texts(&system, "other").await, ["acked"]);
    assert_eq!(system.backlog("other").await, 2, "one of them is held");
}

#[tokio::test]
async fn what_comes_back_waits_for_nothing_where_no_order_is_kept() {
    let folder = folder();
    let system = System::start(&folder, &[retaining(pull_from(TOPIC, "all"))]).await;
    for data in ["1", "2"] {
        system.publish_message(keyed(data, "usr_1")).await;
    }
    let pulled = system.broker.pull("all", 10).await.unwrap();
    let ids: Vec<String> = pulled.into_iter().map(|it| it.ack_id).collect();
    system.broker.acknowledge("all", &ids).await.unwrap();
    let past = "2000-01-01T00:00:00Z".parse().unwrap();
    system.broker.seek("all", past).await.unwrap();
    let pulled = system.broker.pull("all", 10).await.unwrap();
    let attempts: Vec<u32> = pulled.iter().map(|it| it.attempt).collect();
    assert_eq!(attempts, [1, 1], "counted from the first again");
}
