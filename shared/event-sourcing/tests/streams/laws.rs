//! What holds of every history.

use fanout_event_sourcing::AsOf;
use fanout_outbox::EventRow;
use fanout_runtime::Clock as _;
use fanout_store::Value;
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::jar::{Command, Jar, JarOf};
use crate::scene::Scene;

/// What is asked, and how far the clock is from where it was, in seconds.
fn history() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((-40_i64..60, -90_i64..120), 110..160)
}

/// Does it all on one jar; answers the level after each event, from the first on.
async fn play(scene: &Scene, history: &[(i64, i64)]) -> Vec<i64> {
    scene.change("jar", Command::Make).await.unwrap();
    let mut levels = vec![0];
    for (by, seconds) in history {
        scene
            .clock
            .set(scene.clock.now() + chrono::TimeDelta::seconds(*seconds));
        let level = levels.last().unwrap() + by;
        let done = scene.change("jar", Command::Change(*by)).await;
        assert_eq!(done.is_ok(), level >= 0);
        scene.drained().await;
        if level >= 0 {
            levels.push(level);
        }
    }
    levels
}

fn snapshot(row: &EventRow) -> Option<Json> {
    let Some(Value::Map(snapshot)) = row.lasting.as_ref().unwrap().get("snapshot") else {
        return None;
    };
    Some(serde_json::from_str(snapshot.text("state").unwrap()).unwrap())
}

/// As of an event's time and place the state is that after it; a moment before, it is not there.
async fn is_a_prefix(scene: &Scene, row: &EventRow, level: i64) {
    let as_of = async |as_of| {
        let loaded = scene.ledger.load_as_of::<Jar>("jar", as_of).await.unwrap();
        (loaded.state.level, loaded.sequence)
    };
    let expected = (level, row.sequence);
    assert_eq!(as_of(AsOf::Recorded(row.recorded_at)).await, expected);
    assert_eq!(as_of(AsOf::Sequence(row.sequence)).await, expected);
    let just_before = row.recorded_at - chrono::TimeDelta::milliseconds(1);
    assert_eq!(as_of(AsOf::Recorded(just_before)).await.1, row.sequence - 1);
}

async fn holds(scene: &Scene, levels: &[i64]) {
    let rows = scene.rows().await;
    assert_eq!(rows.len(), levels.len());
    for ((row, level), sequence) in rows.iter().zip(levels).zip(1_u64..) {
        // Dense from 1, and never back in time.
        assert_eq!(row.sequence, sequence);
        if sequence % 9 == 1 || [0, 1, 99].contains(&(sequence % 100)) {
            is_a_prefix(scene, row, *level).await;
        }
        // A snapshot is the sum of its prefix, its own event with it.
        let expected = sequence
            .is_multiple_of(100)
            .then(|| serde_json::json!({"level": level}));
        assert_eq!(snapshot(row), expected);
        assert!(!row.waits());
    }
    let published = scene.bus.taken();
    let published: Vec<Json> = published
        .iter()
        .map(|(_, message)| serde_json::from_slice(&message.data).unwrap())
        .collect();
    let stored = rows
        .iter()
        .map(|row| serde_json::from_slice(&row.message().data).unwrap());
    assert_eq!(
        published,
        stored.collect::<Vec<Json>>(),
        "all, once, in order"
    );
    let report = scene.verified().await;
    assert_eq!(report.faults, []);
    let events = levels.len() as u64;
    assert_eq!((report.events, report.snapshots), (events, events / 100));
    assert_eq!(scene.level("jar").await, *levels.last().unwrap());
    // A state of another schema is folded from the events, not from the snapshots.
    let anew = scene.ledger.load::<JarOf<2>>("jar").await.unwrap();
    assert_eq!(anew.state.level, *levels.last().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_is_dense_in_order_and_the_sum_of_its_events_at_every_moment(history in history()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            let levels = play(&scene, &history).await;
            holds(&scene, &levels).await;
        });
    }
}
