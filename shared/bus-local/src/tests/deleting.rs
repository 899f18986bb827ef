//! Topics and subscriptions that go away while the broker runs.

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{DEAD_LETTER_TOPIC, System, TOPIC, topology};
use super::system::{folder, pull_from, push, until, with_dead_letters};
use crate::BrokerError;

#[tokio::test]
async fn a_deleted_subscription_takes_its_messages_along_and_its_push_is_cut() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Never).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    system.publish("hello").await;
    until("it is under way", async || endpoint.count() == 1).await;
    system.broker.delete_subscription("email").await.unwrap();
    until("the push is cut", async || endpoint.broken_off() == 1).await;
    assert_eq!(system.number("SELECT count(*) FROM messages").await, 0);
    let gone = system.broker.delete_subscription("email").await;
    assert!(matches!(gone, Err(BrokerError::Unknown("subscription", _))));
}

#[tokio::test]
async fn a_subscription_that_is_made_anew_is_served_and_begins_with_nothing() {
    let folder = folder();
    let hanging = PushEndpoint::start(|_| Reply::Never).await;
    let system = System::start(&folder, &[push("email", hanging.url())]).await;
    system.publish("before").await;
    until("it is under way", async || hanging.count() == 1).await;
    for _ in 0..5 {
        system.broker.delete_subscription("email").await.unwrap();
        let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
        let anew = topology(&[push("email", endpoint.url())]);
        system.broker.set_up(&anew).await.unwrap();
        system.publish("after").await;
        system.drained("email").await;
        assert_eq!(endpoint.count(), 1);
        assert_eq!(endpoint.pushes()[0].text(), "after");
    }
}

#[tokio::test]
async fn a_dead_letter_whose_topic_was_deleted_stays_until_there_is_one_again() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(500)).await;
    let subscriptions = [
        with_dead_letters(push("email", endpoint.url()), 2),
        with_dead_letters(pull_from(TOPIC, "by-hand"), 1),
        pull_from(DEAD_LETTER_TOPIC, "dead"),
    ];
    let system = System::start(&folder, &subscriptions).await;
    system.broker.delete_topic(DEAD_LETTER_TOPIC).await.unwrap();
    system.publish("hello").await;
    until("all deliveries have failed", async || endpoint.count() > 3).await;
    assert_eq!(system.backlog("email").await, 1);
    let counted = "SELECT attempts FROM deliveries WHERE subscription = 1";
    until("each is counted", async || system.number(counted).await > 3).await;
    for attempt in 1..=3 {
        let pulled = system.broker.pull("by-hand", 1).await.unwrap();
        assert_eq!(pulled[0].attempt, attempt);
        let held = [pulled[0].ack_id.clone()];
        let now = std::time::Duration::ZERO;
        system
            .broker
            .modify_ack_deadline("by-hand", &held, now)
            .await
            .unwrap();
    }
    system
        .broker
        .set_up(&topology(&subscriptions))
        .await
        .unwrap();
    system.drained("email").await;
    assert!(system.broker.pull("by-hand", 1).await.unwrap().is_empty());
    assert_eq!(system.backlog("dead").await, 2);
}
