//! Stored events in the order of their recording.

use std::time::Duration;

use fanout_outbox::{RecordedBetween, RecordedEvents};
use fanout_runtime::{Clock as _, Timestamp};
use fanout_testkit::Mood;

use super::scene::{Scene, happened, places};

async fn found(scene: &Scene, asked: RecordedBetween<'_>) -> Vec<(String, u64)> {
    let mut events = RecordedEvents::of(asked);
    let mut found = Vec::new();
    while let Some(row) = events.next(scene.documents.as_ref()).await.unwrap() {
        found.push((row.subject, row.sequence));
    }
    found
}

fn between(from: Timestamp, to: Timestamp) -> RecordedBetween<'static> {
    RecordedBetween {
        from,
        to,
        event_type: None,
        subject: None,
    }
}

/// Twenty commits of a hundred events each, a second apart: more than a page of each shard.
async fn twenty_hundreds() -> Scene {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    for hundred in 0..20 {
        let events = (0..100).map(|number| happened("a", hundred * 100 + number));
        scene.stored(&outbox, events.collect()).await;
        scene.clock.advance(Duration::from_secs(1));
    }
    scene
}

#[tokio::test(start_paused = true)]
async fn all_that_was_recorded_between_two_times_comes_in_order_page_after_page() {
    let scene = twenty_hundreds().await;
    let end = scene.clock.now();
    let second = Duration::from_secs(1);
    let all = found(&scene, between(end - second * 20, end)).await;
    let order = all.iter().map(|(_, sequence)| sequence / 100);
    assert!(order.is_sorted());
    assert_eq!(sorted(all), places("a", &(0..2000).collect::<Vec<_>>()));
    // The first is in, the last is not.
    let some = between(end - second * 3, end - second);
    let expected = places("a", &(1700..1900).collect::<Vec<_>>());
    assert_eq!(sorted(found(&scene, some).await), expected);
    for (event_type, subject, are_there) in [
        (None, Some("a"), true),
        (None, Some("b"), false),
        (Some("thing.happened"), None, true),
        (Some("thing.happened"), Some("a"), true),
        (Some("else"), None, false),
        (Some("else"), Some("a"), false),
    ] {
        let of = RecordedBetween {
            event_type,
            subject,
            ..some
        };
        let expected = if are_there { expected.clone() } else { vec![] };
        assert_eq!(sorted(found(&scene, of).await), expected, "{of:?}");
    }
}

fn sorted(mut found: Vec<(String, u64)>) -> Vec<(String, u64)> {
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn those_of_one_moment_come_in_the_order_of_their_ids_and_can_be_gone_on_with() {
    let scene = twenty_hundreds().await;
    let end = scene.clock.now();
    let from = end - Duration::from_secs(2);
    let asked = between(from, end);
    let mut all = Vec::new();
    let mut events = RecordedEvents::of(asked);
    while let Some(row) = events.next(scene.documents.as_ref()).await.unwrap() {
        all.push((row.recorded_at, row.event_id));
    }
    assert_eq!(all.len(), 200);
    assert!(all.is_sorted());
    for (place, (_, last)) in all.iter().take(100).enumerate() {
        let mut rest = Vec::new();
        let mut events = RecordedEvents::of(asked).behind(last);
        while let Some(row) = events.next(scene.documents.as_ref()).await.unwrap() {
            rest.push((row.recorded_at, row.event_id));
        }
        assert_eq!(rest, all[place + 1..]);
    }
}
