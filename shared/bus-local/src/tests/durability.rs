//! What is in the file survives, and only what must.

use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{IdGenerator, SystemClock, SystemIds};
use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

use super::system::{ManualClock, System, TOPIC, topology};
use super::system::{folder, message, push, until, with_dead_letters};
use crate::Mischief;
use fanout_bus::{Backoff, Publisher, Subscription};

#[tokio::test]
async fn after_a_crash_everything_that_was_not_acked_is_delivered_and_nothing_else() {
    let folder = folder();
    // Hangs on every third message, for as long as this process lives.
    let endpoint =
        PushEndpoint::start(|request| match request.text().parse::<u32>().unwrap() % 3 {
            0 => Reply::Never,
            _ => Reply::Status(204),
        })
        .await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    for number in 0..30 {
        system.publish(&number.to_string()).await;
    }
    until("only the hanging ones are left", async || {
        system.backlog("email").await == 10
    })
    .await;
    assert_eq!(endpoint.count(), 30);
    drop(system);

    let healthy = PushEndpoint::start(|_| Reply::Status(204)).await;
    let system = System::start(&folder, &[push("email", healthy.url())]).await;
    system.drained("email").await;
    let mut delivered: Vec<u32> = healthy
        .pushes()
        .iter()
        .map(|request| request.text().parse().unwrap())
        .collect();
    delivered.sort_unstable();
    assert_eq!(delivered, (0..30).step_by(3).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_message_is_deleted_when_the_last_subscription_has_acked_it() {
    let folder = folder();
    let quick = PushEndpoint::start(|_| Reply::Status(204)).await;
    let failing =
        PushEndpoint::start(|request| Reply::Status(if request.nth == 1 { 500 } else { 204 }))
            .await;
    let slow = Subscription {
        backoff: Backoff {
            min: Duration::from_millis(200),
            max: Duration::from_millis(200),
        },
        ..push("slow", failing.url())
    };
    let system = System::start(&folder, &[push("quick", quick.url()), slow]).await;
    system.publish("hello").await;
    system.drained("quick").await;
    assert_eq!(system.number("SELECT count(*) FROM messages").await, 1);
    system.drained("slow").await;
    assert_eq!(system.number("SELECT count(*) FROM messages").await, 0);
    assert_eq!(system.number("SELECT count(*) FROM deliveries").await, 0);
}

#[tokio::test]
async fn settings_may_change_while_messages_wait() {
    let folder = folder();
    let broken = PushEndpoint::start(|_| Reply::Status(500)).await;
    let slow = Subscription {
        backoff: Backoff {
            min: Duration::from_millis(100),
            max: Duration::from_millis(100),
        },
        ..push("email", broken.url())
    };
    let system = System::start(&folder, &[slow]).await;
    system.publish("hello").await;
    until("it has failed", async || broken.count() == 1).await;
    let repaired = PushEndpoint::start(|_| Reply::Status(204)).await;
    let changed = [with_dead_letters(push("email", repaired.url()), 9)];
    system.broker.set_up(&topology(&changed)).await.unwrap();
    system.broker.set_up(&topology(&changed)).await.unwrap();
    system.drained("email").await;
    assert_eq!(repaired.count(), 1);
    assert_eq!(repaired.pushes()[0].message.delivery_attempt, Some(2));
}

#[tokio::test]
async fn a_subscription_that_is_set_up_while_the_broker_runs_is_served() {
    let folder = folder();
    let system = System::start(&folder, &[]).await;
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let added = [push("email", endpoint.url())];
    system.broker.set_up(&topology(&added)).await.unwrap();
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn message_ids_are_long_numbers_that_rise_even_when_the_clock_goes_back() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let subscriptions = [push("email", endpoint.url())];
    let mut ids: Vec<String> = Vec::new();
    for time in [
        "2026-11-20T12:00:00Z",
        "2026-11-20T11:00:00Z",
        "2026-11-20T13:00:00Z",
    ] {
        let clock = ManualClock::at(time);
        let mischief = Mischief::default();
        let system = System::start_with(&folder, clock, mischief, &subscriptions).await;
        for _ in 0..3 {
            ids.push(system.publish("hello").await);
        }
        system.drained("email").await;
    }
    let numbers: Vec<u64> = ids.iter().map(|id| id.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert!(ids.iter().all(|id| id.len() >= 15), "{ids:?}");
}

#[tokio::test]
async fn a_publish_whose_caller_goes_away_is_delivered_at_once() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let system = System::start(&folder, &[push("email", endpoint.url())]).await;
    let publisher = system.broker.publisher();
    let mut publish = publisher.publish(TOPIC, message("hello"));
    // Asked once: the job is on its way. Then the caller goes away.
    assert!(futures_util::poll!(&mut publish).is_pending());
    drop(publish);
    until("it is delivered", async || endpoint.count() == 1).await;
    system.drained("email").await;
}

#[tokio::test]
async fn a_shutdown_lets_deliveries_under_way_finish_and_acks_them() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::After(Duration::from_millis(200), 204)).await;
    let subscriptions = [push("email", endpoint.url())];
    let System {
        broker,
        shutdown,
        run,
        ..
    } = System::start(&folder, &subscriptions).await;
    broker.publish(TOPIC, vec![message("hello")]).await.unwrap();
    until("it is under way", async || endpoint.count() == 1).await;
    shutdown.start();
    run.await.unwrap();
    assert_eq!(broker.backlog("email").await.unwrap(), 0);
}

#[tokio::test]
async fn a_delivery_that_fails_during_a_shutdown_is_not_counted_and_due_at_the_next_start() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::After(Duration::from_millis(200), 503)).await;
    let subscriptions = [Subscription {
        backoff: Backoff {
            min: Duration::from_secs(600),
            max: Duration::from_secs(600),
        },
        ..with_dead_letters(push("email", endpoint.url()), 2)
    }];
    let System {
        broker,
        database,
        shutdown,
        run,
    } = System::start(&folder, &subscriptions).await;
    broker.publish(TOPIC, vec![message("hello")]).await.unwrap();
    until("it is under way", async || endpoint.count() == 1).await;
    shutdown.start();
    run.await.unwrap();
    drop((broker, database));

    let clock = Arc::new(SystemClock);
    let system = System::start_with(&folder, clock, Mischief::default(), &subscriptions).await;
    until("it is delivered again", async || endpoint.count() == 2).await;
    assert_eq!(endpoint.pushes()[1].message.delivery_attempt, Some(1));
    drop(system);
}

/// Breaks off the first delivery that asks for a fraction.
#[derive(Default)]
struct PanicsOnce(std::sync::atomic::AtomicBool);

impl IdGenerator for PanicsOnce {
    fn new_id(&self, prefix: &str) -> String {
        SystemIds.new_id(prefix)
    }

    fn fraction(&self) -> f64 {
        let asked_before = self.0.swap(true, std::sync::atomic::Ordering::SeqCst);
        assert!(asked_before, "the first delivery is to break off");
        SystemIds.fraction()
    }
}

#[tokio::test]
async fn a_delivery_that_breaks_off_gives_its_place_back_and_is_made_again() {
    let folder = folder();
    let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
    let subscriptions = [push("email", endpoint.url())];
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(PanicsOnce::default()));
    let mischief = Mischief::default();
    let system = System::start_on(&folder, clock, ids, mischief, &subscriptions).await;
    system.publish("hello").await;
    system.drained("email").await;
    assert_eq!(endpoint.count(), 2);
}
