//! How long messages are kept.

use std::sync::Arc;
use std::time::Duration;

use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{ManualClock, System, TOPIC, topology};
use super::system::{folder, keyed, message, pull_from, push, until};
use crate::{Mischief, housekeeping};
use fanout_bus::{Retention, Subscription};

const HOUR: i64 = 60 * 60 * 1_000;
const NOON: &str = "2026-11-20T12:00:00Z";

fn keeping(retention: Retention, subscription: Subscription) -> Subscription {
    Subscription {
        retention,
        ..subscription
    }
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 60 * 60)
}

async fn start(
    folder: &tempfile::TempDir,
    clock: &Arc<ManualClock>,
    all: &[Subscription],
) -> System {
    System::start_with(folder, Arc::clone(clock) as _, Mischief::default(), all).await
}

#[tokio::test]
async fn what_is_not_acked_within_the_retention_of_its_subscription_is_dropped() {
    let (folder, clock) = (folder(), ManualClock::at(NOON));
    let subscriptions = [
        keeping(Retention::of_unacked(hours(2)), pull_from(TOPIC, "short")),
        keeping(Retention::of_unacked(hours(4)), pull_from(TOPIC, "long")),
    ];
    let system = start(&folder, &clock, &subscriptions).await;
    system.publish("early").await;
    clock.move_by(HOUR);
    system.publish("late").await;
    clock.move_by(HOUR - 1);
    let backlogs = async || {
        housekeeping::tidy_up(&system.broker).await;
        let messages = system.number("SELECT count(*) FROM messages").await;
        (
            system.backlog("short").await,
            system.backlog("long").await,
            messages,
        )
    };
    assert_eq!(backlogs().await, (2, 2, 2));
    clock.move_by(2);
    assert_eq!(backlogs().await, (1, 2, 2));
    clock.move_by(HOUR);
    assert_eq!(backlogs().await, (0, 2, 2));
    clock.move_by(HOUR);
    assert_eq!(backlogs().await, (0, 1, 1));
    clock.move_by(HOUR);
    assert_eq!(backlogs().await, (0, 0, 0));
}

#[tokio::test]
async fn a_start_drops_what_has_expired_meanwhile_however_much_it_is() {
    let folder = folder();
    let subscriptions = [
        keeping(Retention::of_unacked(hours(2)), pull_from(TOPIC, "all")),
        pull_from(TOPIC, "last"),
    ];
    let system = start(&folder, &ManualClock::at(NOON), &subscriptions).await;
    for _ in 0..3 {
        let messages = vec![message("hello"); 1_000];
        system.broker.publish(TOPIC, messages).await.unwrap();
    }
    drop(system);
    let clock = ManualClock::at("2026-11-20T14:00:01Z");
    let system = start(&folder, &clock, &subscriptions).await;
    system.drained("all").await;
    assert_eq!(system.backlog("last").await, 3_000);
}

#[tokio::test]
async fn the_message_behind_a_dropped_one_goes_on_though_another_subscription_has_that_one() {
    let (folder, clock) = (folder(), ManualClock::at(NOON));
    let ordered = |kept, name| Subscription {
        ordered: true,
        ..keeping(Retention::of_unacked(hours(kept)), pull_from(TOPIC, name))
    };
    let subscriptions = [ordered(2, "short"), ordered(4, "long")];
    let system = start(&folder, &clock, &subscriptions).await;
    system.publish_message(keyed("early", "usr_1")).await;
    clock.move_by(HOUR);
    system.publish_message(keyed("late", "usr_1")).await;
    clock.move_by(HOUR + 1);
    housekeeping::tidy_up(&system.broker).await;
    for (subscription, next) in [("short", "late"), ("long", "early")] {
        let pulled = system.broker.pull(subscription, 10).await.unwrap();
        assert_eq!(pulled.len(), 1);
        assert_eq!(pulled[0].message.data, next, "{subscription}");
    }
}

#[tokio::test]
async fn the_message_behind_a_dropped_one_is_pushed() {
    let (folder, clock) = (folder(), ManualClock::at(NOON));
    let endpoint =
        PushEndpoint::start(|push| Reply::Status(if push.text() == "early" { 500 } else { 204 }))
            .await;
    let subscription = Subscription {
        ordered: true,
        ..keeping(Retention::of_unacked(hours(2)), push("crm", endpoint.url()))
    };
    let system = start(&folder, &clock, &[subscription]).await;
    system.publish_message(keyed("early", "usr_1")).await;
    until("it has failed", async || endpoint.count() >= 1).await;
    clock.move_by(HOUR);
    system.publish_message(keyed("late", "usr_1")).await;
    clock.move_by(HOUR + 1);
    housekeeping::tidy_up(&system.broker).await;
    system.drained("crm").await;
    assert_eq!(endpoint.pushes().last().unwrap().text(), "late");
}

#[tokio::test]
async fn acked_messages_are_retained_only_where_it_is_asked_for_and_only_so_long() {
    let (folder, clock) = (folder(), ManualClock::at(NOON));
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let retention = Retention {
        period: hours(2),
        acked: true,
    };
    let retaining = keeping(retention, push("email", endpoint.url()));
    let system = start(&folder, &clock, std::slice::from_ref(&retaining)).await;
    system.publish("hello").await;
    system.drained("email").await;
    let kept = "SELECT count(*) FROM messages";
    assert_eq!(system.number(kept).await, 1);
    clock.move_by(2 * HOUR + 1);
    housekeeping::tidy_up(&system.broker).await;
    assert_eq!(system.number(kept).await, 0);
    assert_eq!(system.number("SELECT count(*) FROM retained").await, 0);

    system.publish("again").await;
    system.drained("email").await;
    assert_eq!(system.number(kept).await, 1);
    let no_longer = keeping(Retention::of_unacked(hours(2)), retaining);
    system.broker.set_up(&topology(&[no_longer])).await.unwrap();
    assert_eq!(system.number(kept).await, 0);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_messages_waiting() {
    let (folder, clock) = (folder(), ManualClock::at(NOON));
    let system = start(&folder, &clock, &[pull_from(TOPIC, "all")]).await;
    // Nothing tidies up but the test.
    system.run.abort();
    until("it has stopped", async || system.run.is_finished()).await;
    system.publish("hello").await;
    clock.move_by(-HOUR);
    assert!(system.broker.pull("all", 1).await.unwrap().is_empty());
    housekeeping::tidy_up(&system.broker).await;
    assert_eq!(system.broker.pull("all", 1).await.unwrap().len(), 1);
}
