//! The relay, and several of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_outbox::EVENTS;
use fanout_runtime::Clock;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Fields, Key, Page, Query, StoreError, Value,
    Write,
};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use super::bus::{Bus, Mood};
use super::service::{Service, on_every_store};
use crate::support::captured_logs;

/// Users with this many waiting events each.
async fn backlog(service: &Service, users: usize, events: u64) -> Vec<String> {
    service.bus.turn(Mood::Refusing);
    let mut made = Vec::new();
    for number in 0..users {
        let user = service.new_user(&format!("user{number}@example.com")).await;
        for version in 2..=events {
            let name = json!({"name": format!("Name {version}")});
            assert_eq!(service.patch(&user, &name).await.status, StatusCode::OK);
        }
        made.push(user);
    }
    service.outbox.drain().await;
    service.bus.turn(Mood::Up);
    made
}

#[tokio::test]
async fn a_run_reports_and_logs_what_waits_and_for_how_long() {
    let service = Service::new().await;
    backlog(&service, 2, 2).await;
    service.bus.turn(Mood::Refusing);
    service.clock.advance(Duration::from_millis(90_500));
    let (report, logs) = captured_logs(service.relay()).await;
    assert_eq!(
        report,
        json!({"published": 0, "failed": 2, "remaining": 4, "oldest_age_seconds": 90})
    );
    let line = logs.lines().find(|line| line.contains("outbox relayed"));
    let line: serde_json::Value = serde_json::from_str(line.unwrap()).unwrap();
    for field in ["published", "failed", "remaining", "oldest_age_seconds"] {
        assert_eq!(line[field], report[field]);
    }
    assert!(!logs.contains("@example.com"), "{logs}");
}

#[tokio::test]
async fn whatever_keeps_an_event_from_the_bus_is_logged_by_the_words_that_the_alert_names() {
    let service = Service::new().await;
    let says_so = |logs: &str| assert!(logs.contains("\"message\":\"not published"), "{logs}");
    service.bus.turn(Mood::Refusing);
    let refused = async {
        service.new_user("ada@example.com").await;
        service.outbox.drain().await;
    };
    says_so(&captured_logs(refused).await.1);
    service.bus.turn(Mood::Hanging);
    says_so(&captured_logs(service.new_user("bob@example.com")).await.1);
    service.outbox.drain().await;
    service.bus.turn(Mood::Refusing);
    says_so(&captured_logs(service.relay_later()).await.1);
    let alerts = include_str!("../../terraform/modules/monitoring/alerts.tf");
    assert!(alerts.contains("ines with `not published` say why"));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_waits_like_any_other_and_is_named() {
    let service = Service::new().await;
    for id in ["evt_without_data", "evt_without_time"] {
        // A row without a time of its own is met by the runs that begin at the very beginning.
        service.clock.advance(Duration::from_secs(60 * 60));
        let now = Clock::now(service.clock.as_ref());
        let time = if id == "evt_without_data" {
            Value::from(now)
        } else {
            Value::from("soon")
        };
        let row = Fields::new()
            .with("recorded_at", time)
            .with("waiting", 3_u64);
        let row = Write::create(Key::new(EVENTS, id), row);
        service.documents.commit(vec![row]).await.unwrap();
        service.clock.advance(Duration::from_millis(90_500));
        let (report, logs) = captured_logs(service.relay()).await;
        assert_eq!(
            report,
            json!({"published": 0, "failed": 0, "remaining": 1, "oldest_age_seconds": 90})
        );
        let line = logs.lines().find(|line| line.contains(id)).unwrap();
        assert!(line.contains("\"message\":\"not published"), "{line}");
        let row = Write::delete(Key::new(EVENTS, id));
        service.documents.commit(vec![row]).await.unwrap();
    }
}

/// A store that fails when a row is to be marked as published.
struct MarksNothing(Arc<dyn Documents>);

#[async_trait]
impl Documents for MarksNothing {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.0.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        if writes.iter().any(|write| write.key.is_in(EVENTS)) {
            return Err(StoreError::Unavailable("no disk".into()).into());
        }
        self.0.commit(writes).await
    }
}

#[tokio::test]
async fn a_row_that_was_published_and_not_marked_as_such_still_waits_and_is_not_passed_over() {
    let service = Service::new().await;
    backlog(&service, 1, 1).await;
    // So old that the cursor would go by it.
    service.clock.advance(Duration::from_secs(11 * 60));
    let marks_nothing = Arc::new(MarksNothing(Arc::clone(&service.documents)));
    let other = service.beside(marks_nothing, service.bus.clone());
    assert_eq!(
        other.relay().await,
        json!({"published": 1, "failed": 1, "remaining": 1, "oldest_age_seconds": 660})
    );
    assert_eq!(service.bus.events().len(), 1);
    assert_eq!(service.relay_later().await["published"], 1);
    service.assert_outbox_empty().await;
}

#[tokio::test]
async fn a_row_of_another_holder_is_left_alone_until_the_lease_runs_out() {
    let service = Service::new().await;
    service.bus.turn(Mood::Hanging);
    let user = service.new_user("ada@example.com").await;
    // The same store and time, and a bus of its own that is up.
    let bus = Arc::new(Bus::new());
    let other = service.beside(Arc::clone(&service.documents), bus.clone());
    let report = other.relay().await;
    assert_eq!(
        report,
        json!({"published": 0, "failed": 0, "remaining": 1, "oldest_age_seconds": 0})
    );
    service.clock.advance(Duration::from_secs(20));
    assert_eq!(other.relay().await["published"], 1);
    assert_eq!(bus.sequences()[&user], [1]);
    // The first holder hears at last that it failed, and has nothing to give back.
    service.bus.turn(Mood::Up);
    service.outbox.drain().await;
    assert!(service.bus.events().is_empty());
    service.assert_outbox_empty().await;
}

on_every_store! {
    async fn several_relays_at_once_send_each_row_once_and_in_order(service) {
        let service = Arc::new(service);
        let users = backlog(&service, 30, 5).await;
        // A holder that met too many marks while it gave up has left its lease to run out.
        service.clock.advance(Duration::from_secs(61));
        let relays = (0..4).map(|_| {
            let instance = service.twin();
            tokio::spawn(async move { instance.relay().await })
        });
        let mut published = 0;
        for report in join_all(relays).await {
            let report = report.unwrap();
            assert_eq!(report["failed"], 0);
            published += report["published"].as_u64().unwrap();
        }
        assert_eq!(published, 150);
        let sequences = service.bus.sequences();
        for user in &users {
            assert_eq!(sequences[user], [1, 2, 3, 4, 5]);
        }
        service.assert_outbox_empty().await;
    }

    async fn relays_and_requests_at_once_send_each_row_once_and_in_order(service) {
        let service = Arc::new(service);
        let users = backlog(&service, 5, 2).await;
        let relays = (0..2).map(|_| {
            let instance = service.twin();
            tokio::spawn(async move {
                for _ in 0..20 {
                    instance.relay().await;
                }
            })
        });
        let clients = users.iter().map(|user| {
            let (instance, user) = (service.twin(), user.clone());
            tokio::spawn(async move {
                for version in 3..=30 {
                    let name = json!({"name": format!("Name {version}")});
                    let answer = instance.patch(&user, &name).await;
                    assert_eq!(answer.body["version"], version);
                }
                instance.outbox.drain().await;
            })
        });
        for task in join_all(relays.chain(clients)).await {
            task.unwrap();
        }
        service.relay_later().await;
        let sequences = service.bus.sequences();
        for user in &users {
            assert_eq!(sequences[user], (1..=30).collect::<Vec<u64>>());
        }
        service.assert_outbox_empty().await;
    }

    async fn more_rows_of_one_user_than_fit_a_page_stay_in_order(service) {
        let users = backlog(&service, 1, 250).await;
        assert_eq!(service.relay().await["published"], 250);
        let expected: Vec<u64> = (1..=250).collect();
        assert_eq!(service.bus.sequences()[&users[0]], expected);
        service.assert_outbox_empty().await;
    }
}
