//! The bus is down: every answer is the same, every event leaves later, once and in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use super::bus::Mood;
use super::service::{Service, on_every_store};

/// Signs users up, changes them and deletes some; gives the sequences each must have published.
async fn busy_day(service: &Arc<Service>) -> BTreeMap<String, Vec<u64>> {
    let users = (0..20).map(|number| {
        let service = Arc::clone(service);
        tokio::spawn(async move {
            let user = service.new_user(&format!("user{number}@example.com")).await;
            for version in 2..5 {
                let name = json!({"name": format!("Name {version}")});
                assert_eq!(service.patch(&user, &name).await.status, StatusCode::OK);
            }
            if number % 3 == 0 {
                let deleted = service.delete(&user).await;
                assert_eq!(deleted.status, StatusCode::NO_CONTENT);
                return (user, (1..=5).collect());
            }
            (user, (1..=4).collect())
        })
    });
    let done = join_all(users).await.into_iter().map(Result::unwrap);
    done.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_bus_hangs_answers_come_all_the_same_and_events_leave_later() {
    let service = Arc::new(Service::new().await);
    service.bus.turn(Mood::Hanging);
    let user = service.new_user("ada@example.com").await;
    // The lease is still held by the sign-up, so no other request waits for the bus.
    let expected = busy_day(&service).await;
    service.bus.turn(Mood::Up);
    service.outbox.drain().await;
    let report = service.relay_later().await;
    let waiting = 1 + expected.values().map(Vec::len).sum::<usize>();
    assert_eq!(report["published"], waiting);
    let mut published = service.bus.sequences();
    assert_eq!(published.remove(&user), Some(vec![1]));
    assert_eq!(published, expected);
    service.assert_outbox_empty().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_does_not_overtake_one_that_still_waits() {
    let service = Service::new().await;
    service.bus.turn(Mood::Refusing);
    let user = service.new_user("ada@example.com").await;
    service.outbox.drain().await;
    service.bus.turn(Mood::Up);
    service.patch(&user, &json!({"name": "Second"})).await;
    assert!(service.bus.events().is_empty(), "the first one waits");
    service.relay().await;
    assert_eq!(service.bus.sequences()[&user], [1, 2]);
    service.patch(&user, &json!({"name": "Third"})).await;
    assert_eq!(
        service.bus.sequences()[&user],
        [1, 2, 3],
        "published at once again"
    );
    service.outbox.drain().await;
    service.assert_outbox_empty().await;
}

#[tokio::test]
async fn a_lease_left_by_a_crash_is_taken_over_by_the_next_event() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    service.outbox.drain().await;
    let line = format!("user-service:{user}");
    let lease = fanout_store::Key::new(fanout_outbox::OUTBOX_LEASES, &line);
    let orphan = fanout_store::Fields::new()
        .with("owner", "own_dead")
        .with("from_sequence", 1_u64)
        .with(
            "expires_at",
            fanout_runtime::Clock::now(service.clock.as_ref()),
        );
    let orphan = fanout_store::Write::create(lease, orphan);
    service.documents.commit(vec![orphan]).await.unwrap();
    service.patch(&user, &json!({"name": "Second"})).await;
    service.outbox.drain().await;
    assert_eq!(service.bus.sequences()[&user], [1, 2]);
    service.assert_outbox_empty().await;
}

on_every_store! {
    async fn while_the_bus_refuses_everything_is_stored_and_leaves_later(service) {
        let service = Arc::new(service);
        service.bus.turn(Mood::Refusing);
        let expected = busy_day(&service).await;
        service.outbox.drain().await;
        let waiting: usize = expected.values().map(Vec::len).sum();
        let report = service.relay_later().await;
        assert_eq!(
            report,
            json!({"published": 0, "failed": 20, "remaining": waiting, "oldest_age_seconds": 61})
        );
        assert!(service.bus.events().is_empty());
        service.bus.turn(Mood::Up);
        // The failed run left nothing to wait for.
        let report = service.relay().await;
        assert_eq!(
            report,
            json!({"published": waiting, "failed": 0, "remaining": 0, "oldest_age_seconds": 0})
        );
        assert_eq!(service.bus.sequences(), expected);
        service.assert_outbox_empty().await;
    }
}
