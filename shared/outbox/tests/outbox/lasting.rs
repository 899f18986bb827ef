//! Events that are kept for ever: their place is their lock.

use fanout_outbox::{EVENTS, EventRow, Origin};
use fanout_runtime::{Clock as _, Timestamp};
use fanout_store::{CommitError, Conflict, Fields, Violation};
use fanout_testkit::Mood;

use super::scene::{Scene, happened, places, published};

fn row(scene: &Scene, sequence: u64, recorded_at: Timestamp) -> EventRow {
    let (outbox, draft) = (scene.outbox(), happened("a", sequence));
    let row = outbox.lasting_row(&draft, &Origin::default(), recorded_at);
    row.unwrap().lasting_with(Fields::new().with("hash", "00"))
}

async fn store(scene: &Scene, rows: Vec<EventRow>) -> Result<(), CommitError> {
    let outbox = scene.outbox();
    let committed = outbox.commit(Vec::new(), rows.into()).await?;
    outbox.publish_now(committed).await;
    outbox.drain().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_lasts_is_published_like_all_else_and_does_not_expire() {
    let scene = Scene::new().await;
    let later = scene.clock.now() + chrono::TimeDelta::seconds(3);
    store(&scene, vec![row(&scene, 1, later)]).await.unwrap();
    scene.bus.turn(Mood::Down);
    let later = later + chrono::TimeDelta::seconds(3);
    store(&scene, vec![row(&scene, 2, later)]).await.unwrap();
    assert_eq!(scene.waiting().await, places("a", &[2]));
    scene.bus.turn(Mood::Up);
    assert_eq!(scene.outbox().relay().await.unwrap(), published(1));
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.assert_nothing_left().await;
    for document in scene.all(EVENTS).await {
        assert!(document.fields.get("expires_at").is_none());
        assert_eq!(document.fields.text("stream").unwrap(), "a");
        let kept = EventRow::from_document(&document).unwrap();
        assert_eq!(kept.lasting, Some(Fields::new().with("hash", "00")));
        assert_eq!(kept.event_id, EventRow::lasting_id("a", kept.sequence));
    }
    assert_eq!(
        EventRow::from_document(&scene.row("a", 2).await)
            .unwrap()
            .recorded_at,
        later
    );
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_taken_is_a_conflict_and_not_an_event_that_is_there_already() {
    let scene = Scene::new().await;
    let now = scene.clock.now();
    store(&scene, vec![row(&scene, 1, now)]).await.unwrap();
    let taken = store(&scene, vec![row(&scene, 1, now)]).await;
    let Err(CommitError::Conflict(Conflict { key, violation, .. })) = taken else {
        panic!("the place is taken");
    };
    assert_eq!(key, EventRow::key_of("a:000000000001"));
    assert_eq!(violation, Violation::AlreadyExists);
    assert_eq!(scene.published(), places("a", &[1]));
}
