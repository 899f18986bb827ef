//! The relay: all sources, its limit, its report.

use std::time::Duration;

use fanout_outbox::{Draft, EVENTS, OUTBOX_LEASES, RelayReport};
use fanout_runtime::Clock;
use fanout_store::{Key, Write};
use fanout_testkit::{Mood, PortCalls, captured_logs};

use super::scene::{Scene, Shipped, happened, places, published};

#[tokio::test(start_paused = true)]
async fn rows_of_all_sources_go_to_their_own_topics_each_line_by_itself() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    let parcel = Draft::of("a", 1, &Shipped {}).unwrap();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    scene
        .stored(&scene.outbox_of("parcel-service"), vec![parcel])
        .await;
    scene
        .stored(&scene.outbox_of("other-service"), vec![happened("a", 1)])
        .await;
    let leases = scene.all(OUTBOX_LEASES).await;
    let leases: Vec<_> = leases.iter().map(|lease| lease.key.id()).collect();
    assert_eq!(
        leases,
        ["other-service:a", "parcel-service:a", "thing-service:a"]
    );

    scene.bus.turn(Mood::Up);
    let relay = scene.outbox_of("relay-only");
    assert_eq!(relay.relay().await.unwrap(), published(3));
    let taken = scene.bus.taken();
    let mut taken: Vec<_> = taken
        .iter()
        .map(|(topic, message)| (message.attributes["ce-source"].as_str(), topic.as_str()))
        .collect();
    taken.sort_unstable();
    let expected = [
        ("other-service", "thing-events"),
        ("parcel-service", "parcel-events"),
        ("thing-service", "thing-events"),
    ];
    assert_eq!(taken, expected);
    scene.assert_nothing_left().await;
}

/// Rows of this many things in one shard, a second between them; the first is `oldest` seconds old.
async fn backlog_in_one_shard(scene: &Scene, rows: u64, oldest: u64) {
    scene.bus.turn(Mood::Down);
    scene
        .stored(&scene.outbox(), vec![happened("model", 1)])
        .await;
    let model = scene.row("model", 1).await;
    let now = scene.clock.now();
    for number in 0..rows {
        let age = Duration::from_secs(oldest - number);
        let fields = model.fields.clone();
        let fields = fields
            .with("subject", format!("thing_{number:03}").as_str())
            .with("ordering_key", format!("thing_{number:03}").as_str())
            .with("recorded_at", now - age)
            .with("waiting", 3_u64);
        let key = Key::new(EVENTS, &format!("evt_{number:03}"));
        scene.change(Write::create(key, fields)).await;
    }
    scene.change(Write::delete(model.key)).await;
    let lease = Key::new(OUTBOX_LEASES, "thing-service:model");
    scene.change(Write::delete(lease)).await;
    scene.bus.turn(Mood::Up);
}

/// 16 lines at once with 6.5 s each: the last of a page's 100 rows begin at 39 s, and end after the
/// run's 40 s. The page is finished, the next not begun.
#[tokio::test(start_paused = true)]
async fn a_run_that_ends_at_its_limit_between_two_pages_says_how_old_the_rest_may_be() {
    let scene = Scene::new().await;
    backlog_in_one_shard(&scene, 150, 1000).await;
    let outbox = scene.outbox();
    scene.bus.slow(Some(Duration::from_millis(6_500)));
    let report = RelayReport {
        published: 100,
        failed: 0,
        remaining: 0,
        // The last row of the page, behind which the run has not looked.
        oldest_age_seconds: 1000 - 99,
    };
    assert_eq!(outbox.relay().await.unwrap(), report);
    scene.bus.slow(None);
    assert_eq!(outbox.relay().await.unwrap(), published(50));
    assert_eq!(scene.waiting().await, []);
}

/// The limit within a page: what was not begun is counted, and is the oldest.
#[tokio::test(start_paused = true)]
async fn a_run_that_ends_within_a_page_counts_what_it_left_there() {
    let scene = Scene::new().await;
    backlog_in_one_shard(&scene, 150, 1000).await;
    let outbox = scene.outbox();
    scene.bus.slow(Some(Duration::from_secs(9)));
    let report = outbox.relay().await.unwrap();
    // Rounds of 16 begin at 0, 9, 18, 27 and 36 s.
    assert_eq!(
        (report.published, report.failed, report.remaining),
        (80, 0, 20)
    );
    assert_eq!(report.oldest_age_seconds, 1000 - 80);
    scene.bus.slow(None);
    assert_eq!(outbox.relay().await.unwrap(), published(70));
}

/// One line that is longer than a run can publish goes on where the last run stopped.
#[tokio::test(start_paused = true)]
async fn a_long_line_is_left_in_the_middle_and_taken_up_there() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    let outbox = scene.outbox();
    let all: Vec<u64> = (1..=7).collect();
    let events = all.iter().map(|sequence| happened("a", *sequence));
    scene.stored(&outbox, events.collect()).await;
    scene.bus.turn(Mood::Up);
    scene.bus.slow(Some(Duration::from_secs(9)));
    let report = outbox.relay().await.unwrap();
    assert_eq!(
        (report.published, report.failed, report.remaining),
        (5, 0, 2)
    );
    assert!(!scene.is_held("a").await);
    assert_eq!(outbox.relay().await.unwrap(), published(2));
    assert_eq!(scene.published(), places("a", &all));
    scene.assert_nothing_left().await;
}

/// The limit to its moment: a row that could begin at 40 s does not.
#[tokio::test(start_paused = true)]
async fn no_row_is_begun_at_the_runs_limit() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    let outbox = scene.outbox();
    let events = (1..=6).map(|sequence| happened("a", sequence)).collect();
    scene.stored(&outbox, events).await;
    scene.bus.turn(Mood::Up);
    scene.bus.slow(Some(Duration::from_secs(8)));
    assert_eq!(outbox.relay().await.unwrap().published, 5);
}

#[tokio::test(start_paused = true)]
async fn a_line_with_one_row_costs_a_read_a_query_and_two_commits() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.bus.turn(Mood::Up);
    scene.documents.take_calls();
    assert_eq!(outbox.relay().await.unwrap(), published(1));
    // Beside those: the cursors are read and stored, and each shard is asked.
    let costs = PortCalls {
        gets: 1 + 1,
        queries: 16 + 1,
        commits: 1 + 2,
    };
    assert_eq!(scene.documents.take_calls(), costs);
}

/// Longer than a run, so that no other takes a line over meanwhile.
#[tokio::test(start_paused = true)]
async fn a_run_holds_a_line_for_a_minute() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.bus.turn(Mood::Up);
    let answer = scene.bus.answer_the_next_late();
    let run = tokio::spawn(async move { outbox.relay().await.unwrap() });
    scene.settled().await;
    let until = scene
        .lease("a")
        .await
        .unwrap()
        .fields
        .timestamp("expires_at");
    assert_eq!(until, Ok(scene.clock.now() + Duration::from_secs(60)));
    answer.send(true).unwrap();
    assert_eq!(run.await.unwrap(), published(1));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_finds_nothing_says_nothing_and_one_that_does_says_what() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let (report, logs) = captured_logs(outbox.relay()).await;
    assert_eq!(
        (report.unwrap(), logs),
        (RelayReport::default(), String::new())
    );
    scene.bus.turn(Mood::Down);
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.clock.advance(Duration::from_millis(61_999));
    let (report, logs) = captured_logs(outbox.relay()).await;
    let expected = RelayReport {
        published: 0,
        failed: 1,
        remaining: 1,
        oldest_age_seconds: 61,
    };
    assert_eq!(report.unwrap(), expected);
    assert!(logs.contains("\"message\":\"outbox relayed\""), "{logs}");
}
