//! By value date.

use fanout_event_sourcing::{AsOf, ExecuteError};
use fanout_runtime::Clock as _;
use fanout_store::StoreError;

use crate::jar::{Command, Jar};
use crate::scene::{Scene, at};

#[tokio::test]
async fn a_value_date_counts_whenever_it_was_recorded() {
    let scene = Scene::with(&[("jar", 0)]).await;
    let january = at("2026-01-15T00:00:00Z");
    scene.change("jar", Command::Change(5)).await.unwrap();
    let known = scene.clock.now();
    scene.clock.set(at("2026-11-21T12:00:00Z"));
    scene
        .change("jar", Command::ChangeOn(100, january))
        .await
        .unwrap();
    let level = async |as_of| {
        let loaded = scene.ledger.load_as_of::<Jar>("jar", as_of).await.unwrap();
        loaded.state.level
    };
    assert_eq!(level(AsOf::Effective(january, None)).await, 100);
    let just_before = january - chrono::TimeDelta::milliseconds(1);
    assert_eq!(level(AsOf::Effective(just_before, None)).await, 0);
    assert_eq!(level(AsOf::Effective(scene.clock.now(), None)).await, 105);
    // What was known then of that day, and what was known then at all.
    let known = known + chrono::TimeDelta::seconds(1);
    assert_eq!(level(AsOf::Effective(january, Some(known))).await, 0);
    assert_eq!(level(AsOf::Recorded(known)).await, 5);
}

#[tokio::test]
async fn an_instance_whose_clock_is_late_does_not_write_into_a_past_that_was_read() {
    let scene = Scene::with(&[("jar", 5)]).await;
    let read_at = scene.rows().await.last().unwrap().recorded_at;
    let then = async || {
        let as_of = AsOf::Recorded(read_at);
        let loaded = scene.ledger.load_as_of::<Jar>("jar", as_of).await.unwrap();
        (loaded.state.level, loaded.sequence)
    };
    assert_eq!(then().await, (5, 2));
    scene.clock.set(at("2026-11-20T11:00:00Z"));
    let late = scene.change("jar", Command::Change(7)).await.unwrap();
    assert_eq!((late.state.level, late.sequence), (12, 3));
    assert_eq!(then().await, (5, 2));
    assert_eq!(scene.verified().await.faults, []);
}

#[tokio::test]
async fn what_could_not_be_read_again_is_not_stored() {
    let scene = Scene::with(&[("jar", 5)]).await;
    // RFC 3339 has no such year.
    let far = at("+10000-01-01T00:00:00Z");
    let refused = scene.change("jar", Command::ChangeOn(1, far)).await;
    let refused = refused.map(|it| it.sequence);
    assert!(
        matches!(refused, Err(ExecuteError::Store(StoreError::Refused(_)))),
        "{refused:?}"
    );
    assert_eq!(scene.level("jar").await, 5);
    assert_eq!(scene.verified().await.faults, []);
}
