//! A holder that stops early: what it says, and what it blocks.

use std::time::Duration;

use fanout_outbox::{EVENTS_KEPT, OutboxSettings};
use fanout_runtime::Clock;
use fanout_store::StoreError;
use fanout_testkit::{HookedCommit, HookedDocuments, Mood, NextPublish, captured_logs};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::scene::{Before, Scene, happened, places, published};

/// The lines of a log that say what was not published, with their severities.
fn complaints(logs: &str) -> Vec<(String, String)> {
    let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let lines = logs.lines().map(line);
    let named = lines.map(|line| (text(&line["severity"]), text(&line["message"])));
    named
        .filter(|(_, message)| message.starts_with("not published"))
        .collect()
}

fn complaint(severity: &str, message: &str) -> Vec<(String, String)> {
    vec![(severity.to_owned(), message.to_owned())]
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_an_error_and_blocks_only_its_line() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.next(NextPublish::Refused);
    let refused = async {
        scene
            .stored(&outbox, vec![happened("a", 1), happened("a", 2)])
            .await;
        scene.stored(&outbox, vec![happened("b", 1)]).await;
    };
    let (_, logs) = captured_logs(refused).await;
    let blocked = complaint("ERROR", "not published: this subject is blocked");
    assert_eq!(complaints(&logs), blocked);
    assert_eq!(scene.published(), places("b", &[1]));
    assert_eq!(scene.waiting().await, places("a", &[1, 2]));

    scene.bus.next(NextPublish::Refused);
    let (report, logs) = captured_logs(outbox.relay()).await;
    let report = report.unwrap();
    assert_eq!((report.failed, report.remaining), (1, 2));
    assert_eq!(complaints(&logs), blocked);
    assert_eq!(
        outbox.relay().await.unwrap(),
        published(2),
        "it was repaired"
    );
    assert_eq!(scene.published()[1..], places("a", &[1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_is_a_warning_and_the_lease_is_left_at_once() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    let storing = scene.stored(&outbox, vec![happened("a", 1)]);
    let (_, logs) = captured_logs(storing).await;
    let waits = complaint("WARNING", "not published: this subject waits for the relay");
    assert_eq!(complaints(&logs), waits);
    assert!(!scene.is_held("a").await);
}

#[tokio::test(start_paused = true)]
async fn a_publish_is_given_up_after_ten_seconds_and_counts_as_unanswered() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Silent);
    let started = Instant::now();
    let storing = async {
        scene.stored(&outbox, vec![happened("a", 1)]).await;
        outbox.drain().await;
    };
    let (_, logs) = captured_logs(storing).await;
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert!(logs.contains("did not answer in time"), "{logs}");
    assert!(scene.is_held("a").await, "the message may be under way");
}

#[tokio::test(start_paused = true)]
async fn what_was_published_before_a_failure_is_not_sent_again() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.next(NextPublish::Taken);
    scene.bus.next(NextPublish::Unavailable);
    let three = (1..=3).map(|sequence| happened("a", sequence)).collect();
    scene.stored(&outbox, three).await;
    assert_eq!(scene.waiting().await, places("a", &[2, 3]));
    assert_eq!(outbox.relay().await.unwrap(), published(2));
    assert_eq!(scene.published(), places("a", &[1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_after_the_publish_leaves_the_row_to_be_sent_again() {
    let scene = Scene::new().await;
    let fails = async {
        HookedCommit::Fails(StoreError::Unavailable("the connection broke".into()).into())
    };
    let documents =
        HookedDocuments::new(scene.documents.clone(), Before(2, Mutex::new(Some(fails))));
    let outbox = scene.outbox_over(documents);
    let (_, logs) = captured_logs(scene.stored(&outbox, vec![happened("a", 1)])).await;
    let waits = complaint("WARNING", "not published: this subject waits for the relay");
    assert_eq!(complaints(&logs), waits);
    assert!(!scene.is_held("a").await);
    assert_eq!(outbox.relay().await.unwrap(), published(1));
    assert_eq!(scene.published(), places("a", &[1, 1]));
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_published_row_expires_after_ninety_days_or_what_the_service_says() {
    let scene = Scene::new().await;
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(EVENTS_KEPT, 90 * day);
    let now = scene.clock.now();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    let for_a_day = OutboxSettings {
        events_kept: day,
        ..OutboxSettings::default()
    };
    let outbox = scene.outbox().told(for_a_day);
    scene.stored(&outbox, vec![happened("b", 1)]).await;
    for (subject, kept) in [("a", EVENTS_KEPT), ("b", day)] {
        let fields = scene.row(subject, 1).await.fields;
        assert_eq!(fields.timestamp("published_at"), Ok(now));
        assert_eq!(fields.timestamp("expires_at"), Ok(now + kept));
        assert_eq!(fields.get("waiting"), None);
    }
}
