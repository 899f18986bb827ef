//! Rows as an operator finds them, and what a process finds at its start that another left.

use std::sync::Arc;

use fanout_events::EventsOf;
use fanout_outbox::{
    EventRow, OUTBOX_LEASES, Origin, Standing, end_leases_of_dead_process, find_events,
    find_waiting,
};
use fanout_runtime::Clock;
use fanout_store::{CommitError, Documents, Fields, Key, StoreError, Write};
use fanout_testkit::{HookedCommit, HookedDocuments, Mood};
use tokio::sync::Mutex;

use super::scene::{Before, Scene, happened, places, published};

fn origin() -> Origin {
    Origin {
        correlation_id: Some("req_1".to_owned()),
        causation_id: Some("evt_0".to_owned()),
        trace: None,
    }
}

#[tokio::test(start_paused = true)]
async fn rows_are_found_by_what_ties_them_page_after_page_up_to_the_limit() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let drafts = (1..=150)
        .rev()
        .map(|sequence| happened("a", sequence))
        .collect();
    let origin = origin();
    outbox.store(Vec::new(), drafts, &origin).await.unwrap();
    let find = async |of, limit| {
        find_events(scene.documents.as_ref(), of, limit)
            .await
            .unwrap()
    };
    for of in [
        EventsOf::Subject("a"),
        EventsOf::Correlation("req_1"),
        EventsOf::Causation("evt_0"),
    ] {
        for (limit, found) in [
            (1000, (150, false)),
            (150, (150, false)),
            (149, (149, true)),
        ] {
            let (rows, more) = find(of, limit).await;
            assert_eq!((rows.len(), more), found);
        }
    }
    let (rows, _) = find(EventsOf::Subject("a"), 1000).await;
    let sequences = rows.iter().map(|row| row.sequence);
    assert!(sequences.eq(1..=150), "in their order");
    let row = &rows[0];
    let (alone, more) = find(EventsOf::Event(&row.event_id), 1).await;
    assert_eq!(
        (alone[0].event_id.as_str(), more),
        (row.event_id.as_str(), false)
    );
    assert_eq!(find(EventsOf::Event("evt_none"), 1).await.0.len(), 0);
    assert_eq!(find(EventsOf::Subject("b"), 1).await.0.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_read_as_it_was_stored_and_says_whether_it_waits() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let origin = origin();
    let stored = async |of: &str| -> EventRow {
        let (mut rows, _) = find_events(scene.documents.as_ref(), EventsOf::Subject(of), 1)
            .await
            .unwrap();
        rows.remove(0)
    };
    scene.bus.turn(Mood::Down);
    outbox
        .store(Vec::new(), vec![happened("a", 7)], &origin)
        .await
        .unwrap();
    scene.settled().await;
    let waiting = stored("a").await;
    assert!(waiting.waits());
    let refusal = None;
    assert_eq!(waiting.standing, Standing::Waiting { refusal });
    assert_eq!(
        (waiting.source.as_str(), waiting.topic.as_str()),
        ("thing-service", "thing-events")
    );
    assert_eq!((waiting.subject.as_str(), waiting.sequence), ("a", 7));
    assert_eq!(waiting.event_type, "thing.happened");
    assert_eq!(
        (&waiting.correlation_id, &waiting.causation_id),
        (&origin.correlation_id, &origin.causation_id)
    );
    assert_eq!(waiting.recorded_at, scene.clock.now());
    scene.bus.turn(Mood::Up);
    assert_eq!(outbox.relay().await.unwrap(), published(1));
    let row = stored("a").await;
    assert!(!row.waits());
    assert_eq!(row.standing, Standing::Published(scene.clock.now()));
    assert_eq!(row.message(), waiting.message());
    let (_, message) = scene.bus.taken().remove(0);
    assert_eq!(row.message(), message, "what was published");
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_found_oldest_first_with_what_cannot_be_read() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.stored(&outbox, vec![happened("published", 1)]).await;
    scene.bus.turn(Mood::Down);
    for number in 0..200 {
        let event = happened(&format!("a{number:03}"), 1);
        scene.stored(&outbox, vec![event]).await;
        scene.clock.advance(std::time::Duration::from_millis(1));
    }
    let waiting = async |most| find_waiting(scene.documents.as_ref(), most).await.unwrap();
    let all = waiting(1000).await;
    let subjects = all.rows.iter().map(|row| row.subject.clone());
    assert!(subjects.eq((0..200).map(|number| format!("a{number:03}"))));
    assert!(!all.more && all.unreadable.is_empty());
    let broken = scene.row("a007", 1).await.key;
    let without_data = Write::merge(broken.clone(), Fields::new()).remove_field("data");
    scene.change(without_data).await;
    let rest = waiting(1000).await;
    assert_eq!(
        (rest.rows.len(), rest.unreadable),
        (199, vec![broken.id().to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn the_leases_of_a_dead_process_end_so_that_the_relay_need_not_wait() {
    let scene = Scene::new().await;
    let _never = scene.bus.answer_the_next_late();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    assert!(scene.is_held("a").await);
    let next = scene.outbox();
    assert_eq!(next.relay().await.unwrap().published, 0);
    let ended = end_leases_of_dead_process(scene.documents.as_ref(), scene.clock.as_ref());
    ended.await.unwrap();
    assert!(
        scene.lease("a").await.is_some(),
        "a waiting row never lies without it"
    );
    assert_eq!(next.relay().await.unwrap(), published(1));
    assert_eq!(scene.published(), places("a", &[1, 1]));
}

/// A start that is cut off goes on where the last one was, and leases that were left behind cost no
/// start anything.
#[tokio::test(start_paused = true)]
async fn a_start_leaves_alone_the_leases_that_have_run_out() {
    let scene = Scene::new().await;
    let _never = scene.bus.answer_the_next_late();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    let end = || end_leases_of_dead_process(scene.documents.as_ref(), scene.clock.as_ref());
    scene.documents.take_calls();
    for commits in [1, 0] {
        end().await.unwrap();
        assert_eq!(scene.documents.take_calls().commits, commits);
    }
}

/// A lease that changes while it is being ended has a live holder.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_taken_meanwhile_is_not_ended() {
    let scene = Scene::new().await;
    let _never = scene.bus.answer_the_next_late();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    let (documents, until) = (scene.documents.clone(), scene.clock.now());
    let renewed = until + std::time::Duration::from_secs(60);
    let taken = async move {
        let key = Key::new(OUTBOX_LEASES, "thing-service:a");
        let write = Write::merge(key, Fields::new().with("expires_at", renewed));
        documents.commit(vec![write]).await.unwrap();
        HookedCommit::Made
    };
    let hooked = |hook| HookedDocuments::new(scene.documents.clone() as Arc<dyn Documents>, hook);
    let documents = hooked(Before(1, Mutex::new(Some(taken))));
    let ended = end_leases_of_dead_process(documents.as_ref(), scene.clock.as_ref());
    ended.await.unwrap();
    assert!(scene.is_held("a").await);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_while_leases_are_ended_is_told() {
    let scene = Scene::new().await;
    let _never = scene.bus.answer_the_next_late();
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    let unavailable: CommitError = StoreError::Unavailable("the connection broke".into()).into();
    let contention = CommitError::Contention("held".into());
    for (error, told) in [(unavailable, true), (contention, false)] {
        let fails = async { HookedCommit::Fails(error) };
        let hook = Before(1, Mutex::new(Some(fails)));
        let documents = HookedDocuments::new(scene.documents.clone(), hook);
        let ended = end_leases_of_dead_process(documents.as_ref(), scene.clock.as_ref()).await;
        assert_eq!(ended.is_err(), told);
    }
}
