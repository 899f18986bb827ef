//! Skipping what the bus will never take.

use std::time::Duration;

use fanout_events::EventsOf;
use fanout_outbox::{
    EVENTS, EVENTS_KEPT, EventRow, OUTBOX_LEASES, Outbox, SkipError, Skipped, Standing, find_events,
};
use fanout_runtime::Clock;
use fanout_store::{Document, Fields, Key, Write};
use fanout_testkit::{HookedCommit, HookedDocuments, Mood, NextPublish};
use tokio::sync::Mutex;

use super::scene::{Before, Scene, happened, places, published};

const REASON: &str = "its topic was deleted";

async fn row(scene: &Scene, subject: &str, sequence: u64) -> EventRow {
    let of = EventsOf::Subject(subject);
    let (rows, _) = find_events(scene.documents.as_ref(), of, 9).await.unwrap();
    let mut rows = rows.into_iter();
    rows.find(|row| row.sequence == sequence).unwrap()
}

async fn id(scene: &Scene, subject: &str, sequence: u64) -> String {
    scene.row(subject, sequence).await.key.id().to_owned()
}

/// Three events of one subject, of which the bus refuses the first.
async fn blocked() -> (Scene, Outbox) {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    for sequence in 1..=3 {
        scene.bus.next(NextPublish::Refused);
        scene.stored(&outbox, vec![happened("a", sequence)]).await;
    }
    assert_eq!(scene.waiting().await, places("a", &[1, 2, 3]));
    (scene, outbox)
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_skipped_blocks_its_line_no_longer_and_is_never_published() {
    let (scene, outbox) = blocked().await;
    let first = id(&scene, "a", 1).await;
    let skipped = outbox.skip(&first, REASON).await.unwrap();
    let expected = Skipped {
        at: scene.clock.now(),
        reason: REASON.to_owned(),
    };
    assert_eq!(skipped, expected);
    assert_eq!(scene.waiting().await, places("a", &[2, 3]));
    assert!(!scene.is_held("a").await, "left to the relay at once");
    assert_eq!(
        row(&scene, "a", 1).await.standing,
        Standing::Skipped(expected)
    );
    let fields = scene.row("a", 1).await.fields;
    assert!(fields.get("published_at").is_none());
    assert_eq!(
        fields.timestamp("expires_at"),
        Ok(scene.clock.now() + EVENTS_KEPT)
    );
    assert_eq!(outbox.relay().await.unwrap(), published(2));
    assert_eq!(scene.published(), places("a", &[2, 3]));
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn with_the_last_event_of_a_line_its_lease_goes_too() {
    for event in [happened("a", 1), happened("a", 1).unordered()] {
        let scene = Scene::new().await;
        let outbox = scene.outbox();
        scene.bus.next(NextPublish::Refused);
        scene.stored(&outbox, vec![event]).await;
        assert_eq!(scene.all(OUTBOX_LEASES).await.len(), 1);
        outbox
            .skip(&id(&scene, "a", 1).await, REASON)
            .await
            .unwrap();
        scene.assert_nothing_left().await;
        assert_eq!(outbox.relay().await.unwrap(), published(0));
        assert_eq!(scene.published(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_skip_changes_nothing_and_answers_as_the_first() {
    let (scene, outbox) = blocked().await;
    let first = id(&scene, "a", 1).await;
    let skipped = outbox.skip(&first, REASON).await.unwrap();
    let documents = scene.all(EVENTS).await;
    scene.clock.advance(Duration::from_secs(60));
    let again = outbox.skip(&first, "another reason").await.unwrap();
    assert_eq!(again, skipped);
    assert_eq!(scene.all(EVENTS).await, documents);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_or_published_or_without_a_reason_is_not_skipped() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    let first = id(&scene, "a", 1).await;
    let unknown = outbox.skip("evt_none", REASON).await.unwrap_err();
    assert!(matches!(unknown, SkipError::Unknown));
    let published = outbox.skip(&first, REASON).await.unwrap_err();
    assert!(matches!(published, SkipError::Published(at) if at == scene.clock.now()));
    for reason in ["", " ", &"x".repeat(501)] {
        let unexplained = outbox.skip(&first, reason).await.unwrap_err();
        assert!(matches!(unexplained, SkipError::Reason));
    }
    let broken = Write::merge(scene.row("a", 1).await.key, Fields::new()).remove_field("data");
    scene.change(broken).await;
    let unreadable = outbox.skip(&first, REASON).await.unwrap_err();
    assert!(matches!(unreadable, SkipError::Read(_)));
}

#[tokio::test(start_paused = true)]
async fn an_event_is_not_skipped_while_a_holder_may_be_publishing_it() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let answer = scene.bus.answer_the_next_late();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    let first = id(&scene, "a", 1).await;
    let busy = outbox.skip(&first, REASON).await.unwrap_err();
    assert!(matches!(busy, SkipError::Busy));
    answer.send(true).unwrap();
    outbox.drain().await;
    assert_eq!(scene.published(), places("a", &[1]));
    scene.assert_nothing_left().await;
}

/// The bus has taken it, so consumers get it: that counts, whatever an operator has said meanwhile.
#[tokio::test(start_paused = true)]
async fn what_a_late_holder_has_published_counts_as_published() {
    let scene = Scene::new().await;
    let late = scene.outbox();
    let answer = scene.bus.answer_the_next_late();
    scene.stored(&late, vec![happened("a", 1)]).await;
    scene.clock.advance(Duration::from_secs(20));
    let first = id(&scene, "a", 1).await;
    scene.outbox().skip(&first, REASON).await.unwrap();
    answer.send(true).unwrap();
    late.drain().await;
    let standing = row(&scene, "a", 1).await.standing;
    assert_eq!(standing, Standing::Published(scene.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_skip_follows_an_event_that_is_stored_meanwhile() {
    let (scene, _) = blocked().await;
    let first = id(&scene, "a", 1).await;
    let next = scene.outbox();
    scene.bus.turn(Mood::Down);
    let stores = async move {
        let origin = fanout_outbox::Origin::default();
        let events = next.events_of(vec![happened("a", 4)], &origin).unwrap();
        let _ = next.commit(Vec::new(), events).await.unwrap();
        HookedCommit::Made
    };
    let hook = Before(1, Mutex::new(Some(stores)));
    let documents = HookedDocuments::new(scene.documents.clone(), hook);
    scene
        .outbox_over(documents)
        .skip(&first, REASON)
        .await
        .unwrap();
    assert_eq!(scene.waiting().await, places("a", &[2, 3, 4]));
    scene.bus.turn(Mood::Up);
    assert_eq!(scene.outbox().relay().await.unwrap(), published(3));
    assert_eq!(scene.published(), places("a", &[2, 3, 4]));
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_takes_the_line_over_meanwhile_keeps_the_skip_away() {
    let (scene, _) = blocked().await;
    let first = id(&scene, "a", 1).await;
    let (documents, until) = (scene.documents.clone(), scene.clock.now());
    let takes = async move {
        let key = Key::new(OUTBOX_LEASES, "thing-service:a");
        let held = Fields::new().with("expires_at", until + Duration::from_secs(60));
        let taken = fanout_store::Documents::commit(&*documents, vec![Write::merge(key, held)]);
        taken.await.unwrap();
        HookedCommit::Made
    };
    let hook = Before(1, Mutex::new(Some(takes)));
    let documents = HookedDocuments::new(scene.documents.clone(), hook);
    let busy = scene.outbox_over(documents).skip(&first, REASON).await;
    assert!(matches!(busy, Err(SkipError::Busy)));
    assert_eq!(scene.waiting().await, places("a", &[1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn why_the_bus_refuses_an_event_is_noted_once() {
    let (scene, outbox) = blocked().await;
    let noted = async || -> Document { scene.row("a", 1).await };
    let first = noted().await;
    let refusal = Some("the message bus refused the message: no such topic".to_owned());
    assert_eq!(
        row(&scene, "a", 1).await.standing,
        Standing::Waiting { refusal }
    );
    let refusal = None;
    assert_eq!(
        row(&scene, "a", 2).await.standing,
        Standing::Waiting { refusal }
    );
    scene.bus.next(NextPublish::Refused);
    assert_eq!(outbox.relay().await.unwrap().failed, 1);
    assert_eq!(noted().await, first);
    assert_eq!(outbox.relay().await.unwrap(), published(3));
    let standing = row(&scene, "a", 1).await.standing;
    assert_eq!(standing, Standing::Published(scene.clock.now()));
}
