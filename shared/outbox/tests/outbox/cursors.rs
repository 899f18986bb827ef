//! Where a run of the relay begins to look, and that it passes over nothing that waits.

use std::sync::Arc;
use std::time::Duration;

use fanout_outbox::{EVENTS, OUTBOX_CURSORS, SHARDS};
use fanout_runtime::{Clock, Timestamp};
use fanout_store::{Documents, Fields, Key, Write};
use fanout_testkit::{ManualClock, Mood};

use super::scene::{Scene, happened, published};

const MINUTE: Duration = Duration::from_secs(60);
const OVERLAP: Duration = Duration::from_secs(10 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Scene {
    /// An event that is stored now by an instance whose clock is late, and is not published.
    async fn stored_by_a_late_clock(&self, subject: &str, late_by: Duration) {
        let clock = Arc::new(ManualClock::new(self.clock.now() - late_by));
        self.bus.turn(Mood::Down);
        let late = self.outbox_with("thing-service", self.documents.clone(), clock);
        self.stored(&late, vec![happened(subject, 1)]).await;
        self.bus.turn(Mood::Up);
    }

    /// The cursors, and when a run looked at everything.
    async fn cursors(&self) -> Option<(Vec<Timestamp>, Timestamp)> {
        let key = Key::new(OUTBOX_CURSORS, "relay");
        let fields = self.documents.get(&key).await.unwrap()?.fields;
        let shard = |shard| fields.timestamp(&format!("shard_{shard:02}")).unwrap();
        let shards = (0..SHARDS).map(shard).collect();
        Some((shards, fields.timestamp("swept_at").unwrap()))
    }

    async fn relayed(&self) -> u64 {
        self.outbox().relay().await.unwrap().published
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_run_begins_ten_minutes_before_the_last_one() {
    let scene = Scene::new().await;
    let first = scene.clock.now();
    scene.relayed().await;
    let all = |at| Some((vec![at; SHARDS as usize], first));
    assert_eq!(scene.cursors().await, all(first - OVERLAP));
    scene.clock.advance(59 * MINUTE);
    scene.relayed().await;
    assert_eq!(scene.cursors().await, all(first + 59 * MINUTE - OVERLAP));
}

#[tokio::test(start_paused = true)]
async fn cursors_that_have_hardly_moved_are_not_stored_again() {
    let scene = Scene::new().await;
    scene.relayed().await;
    let kept = scene.cursors().await;
    scene.documents.take_calls();
    scene.clock.advance(MINUTE - Duration::from_millis(1));
    scene.relayed().await;
    assert_eq!(scene.documents.take_calls().commits, 0);
    assert_eq!(scene.cursors().await, kept);
    scene.clock.advance(Duration::from_millis(1));
    scene.relayed().await;
    assert_eq!(scene.documents.take_calls().commits, 1);
    assert_ne!(scene.cursors().await, kept);
}

#[tokio::test(start_paused = true)]
async fn a_row_of_a_clock_that_is_late_within_the_overlap_is_found_by_the_next_run() {
    let scene = Scene::new().await;
    scene.relayed().await;
    scene.clock.advance(MINUTE);
    scene.relayed().await;
    scene.stored_by_a_late_clock("a", OVERLAP).await;
    assert_eq!(scene.outbox().relay().await.unwrap(), published(1));
    scene.assert_nothing_left().await;
}

/// Beyond the overlap a row is passed over, but for the run that looks at everything, each hour.
#[tokio::test(start_paused = true)]
async fn a_row_of_a_clock_that_is_later_still_is_found_within_the_hour() {
    let scene = Scene::new().await;
    scene.relayed().await;
    scene.clock.advance(MINUTE);
    scene.relayed().await;
    scene
        .stored_by_a_late_clock("a", OVERLAP + Duration::from_secs(1))
        .await;
    for _ in 2..60 {
        scene.clock.advance(MINUTE);
        assert_eq!(scene.relayed().await, 0, "behind the cursor");
    }
    scene.clock.advance(MINUTE);
    assert_eq!(scene.relayed().await, 1, "an hour after the first run");
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_left_behind_holds_its_cursor_and_no_other() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    let stored_at = scene.clock.now();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    let shard = scene.row("a", 1).await.fields.count("waiting").unwrap();
    for _ in 0..30 {
        scene.clock.advance(MINUTE);
        assert_eq!(scene.relayed().await, 0);
    }
    let (shards, _) = scene.cursors().await.unwrap();
    for (number, at) in (0..).zip(shards) {
        let expected = if number == shard {
            stored_at
        } else {
            scene.clock.now() - OVERLAP
        };
        assert_eq!(at, expected, "{number}");
    }
    scene.bus.turn(Mood::Up);
    assert_eq!(scene.relayed().await, 1);
}

/// A row that cannot be read is left behind like any other.
#[tokio::test(start_paused = true)]
async fn a_row_that_cannot_be_read_holds_its_cursor() {
    let scene = Scene::new().await;
    let stored_at = scene.clock.now();
    let unreadable = Fields::new()
        .with("recorded_at", stored_at)
        .with("waiting", 3_u64);
    scene
        .change(Write::create(Key::new(EVENTS, "evt_1"), unreadable))
        .await;
    for _ in 0..15 {
        scene.clock.advance(MINUTE);
        assert_eq!(scene.outbox().relay().await.unwrap().remaining, 1);
    }
    assert_eq!(scene.cursors().await.unwrap().0[3], stored_at);
}

/// A run that did not come to the end of all has not looked at everything.
#[tokio::test(start_paused = true)]
async fn a_run_that_stopped_early_begins_at_the_very_beginning_again() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    let model = scene.row("a", 1).await.fields;
    // A full page of one shard, which is not read to its end.
    for number in 0..100 {
        let key = Key::new(EVENTS, &format!("evt_{number}"));
        let waits = model
            .clone()
            .with("waiting", 3_u64)
            .with("ordering_key", "");
        scene.change(Write::create(key, waits)).await;
    }
    scene.clock.advance(HOUR);
    outbox.stop_relaying();
    let report = outbox.relay().await.unwrap();
    assert_eq!((report.published, report.remaining), (0, 101));
    let swept_at = scene.cursors().await.map(|(_, swept_at)| swept_at);
    assert_eq!(swept_at, Some(Timestamp::UNIX_EPOCH));
}

#[tokio::test(start_paused = true)]
async fn cursors_that_cannot_be_read_count_as_none() {
    let scene = Scene::new().await;
    scene.relayed().await;
    let broken = Fields::new()
        .with("swept_at", "lately")
        .with("shard_03", 7_u64);
    scene
        .change(Write::set(Key::new(OUTBOX_CURSORS, "relay"), broken))
        .await;
    scene.stored_by_a_late_clock("a", 2 * HOUR).await;
    assert_eq!(scene.relayed().await, 1);
    assert_eq!(scene.cursors().await.unwrap().1, scene.clock.now());
}
