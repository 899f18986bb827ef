//! State, the events that tell of it and the right to publish them: one commit.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_events::{Event, Received, decode};
use fanout_outbox::{EVENTS, OUTBOX_LEASES, Origin, caused_event_id};
use fanout_store::{Collection, CommitError, Conflict, Documents, Key, Violation, Write};
use fanout_testkit::user_events::created;
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments, PortCalls};
use tokio::sync::Mutex;

use super::scene::{Before, Scene, happened, note, places};

const THINGS: &Collection = &Collection::named("things");

fn thing() -> Key {
    Key::new(THINGS, "a")
}

fn commits(commits: usize) -> PortCalls {
    PortCalls {
        commits,
        ..PortCalls::default()
    }
}

#[test]
fn an_event_that_is_shown_shows_nothing_of_its_data() {
    let event = happened("usr_1", 2).carrying("email", &"ada@example.com");
    let shown = format!("{:?}", event.unwrap());
    let expected =
        r#"Draft { event_type: "thing.happened", subject: "usr_1", sequence: 2, bytes: 27, .. }"#;
    assert_eq!(shown, expected);
}

#[tokio::test(start_paused = true)]
async fn writes_rows_and_leases_are_one_commit_and_the_tidying_up_is_another() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let drafts = vec![
        happened("a", 1),
        happened("b", 1).unordered(),
        happened("a", 2),
    ];
    let events = outbox.events_of(drafts, &Origin::default()).unwrap();
    let committed = outbox.commit(vec![Write::set(thing(), note())], events);
    let committed = committed.await.unwrap();
    assert_eq!(scene.documents.take_calls(), commits(1));
    let written = scene.documents.written_keys();
    let of = |collection| written.iter().filter(|key| key.is_in(collection)).count();
    assert_eq!((of(THINGS), of(EVENTS), of(OUTBOX_LEASES)), (1, 3, 2));
    assert!(!committed.is_empty());

    outbox.publish_now(committed).await;
    assert_eq!(
        scene.documents.take_calls(),
        commits(0),
        "the answer goes first"
    );
    let mut published = scene.published();
    published.sort();
    assert_eq!(
        published,
        [places("a", &[1, 2]), places("b", &[1])].concat()
    );
    outbox.drain().await;
    assert_eq!(
        scene.documents.take_calls(),
        commits(2),
        "one for each line"
    );
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn no_event_is_nothing_to_publish() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let writes = vec![Write::set(thing(), note())];
    let committed = outbox.commit(writes, Default::default()).await.unwrap();
    assert!(committed.is_empty());
    outbox.publish_now(committed).await;
    assert_eq!(scene.documents.take_calls(), commits(1));
}

#[tokio::test(start_paused = true)]
async fn two_events_of_one_line_go_out_in_their_order_under_one_lease() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let answer = scene.bus.answer_the_next_late();
    scene
        .stored(&outbox, vec![happened("a", 1), happened("a", 2)])
        .await;
    assert_eq!(
        scene.published(),
        places("a", &[1]),
        "the second waits for the first"
    );
    assert_eq!(scene.all(OUTBOX_LEASES).await.len(), 1);
    answer.send(true).unwrap();
    outbox.drain().await;
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_without_an_ordering_key_waits_for_no_other() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let _never = scene.bus.answer_the_next_late();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    let _nor = scene.bus.answer_the_next_late();
    scene
        .stored(&outbox, vec![happened("a", 2).unordered()])
        .await;
    scene
        .stored(&outbox, vec![happened("a", 3).unordered()])
        .await;
    assert_eq!(scene.published(), places("a", &[1, 2, 3]));
    assert_eq!(
        scene.waiting().await,
        places("a", &[1, 2]),
        "their answers are missing"
    );
    let keys = scene
        .bus
        .taken()
        .into_iter()
        .map(|(_, message)| message.ordering_key);
    assert_eq!(keys.collect::<Vec<_>>(), ["a", "", ""]);
}

/// A cause that was handled before: its mark has expired, its events have not.
#[tokio::test(start_paused = true)]
async fn an_event_that_is_stored_already_is_left_out_of_the_commit() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let cause = cause();
    let one = [happened("a", 1)];
    let two = [happened("a", 1), happened("a", 2), happened("b", 1)];
    for (drafts, published) in [
        (one.as_slice(), places("a", &[1])),
        (&one, places("a", &[1])),
        (&two, [places("a", &[1, 2]), places("b", &[1])].concat()),
        (&two, [places("a", &[1, 2]), places("b", &[1])].concat()),
    ] {
        let events = outbox
            .events_caused_by(&cause, "maker", None, drafts)
            .unwrap();
        let writes = vec![Write::set(thing(), note())];
        let committed = outbox.commit(writes, events).await.unwrap();
        outbox.publish_now(committed).await;
        scene.settled().await;
        assert_eq!(scene.published(), published);
    }
    assert_eq!(scene.documents.writes_to(THINGS), 4);
    let ids = (0..3).map(|number| caused_event_id("evt_1", "maker", "thing.happened", number));
    let mut ids: Vec<String> = ids.collect();
    let mut stored: Vec<_> = scene.all(EVENTS).await;
    stored.sort_by(|a, b| a.key.id().cmp(b.key.id()));
    ids.sort();
    let stored: Vec<_> = stored.iter().map(|row| row.key.id()).collect();
    assert_eq!(stored, ids);
    scene.assert_nothing_left().await;
}

fn cause() -> Event {
    let data = created("evt_1", "usr_1").to_string();
    let received = Received {
        data: data.as_bytes(),
        message_id: "1",
        publish_time: Default::default(),
    };
    decode(&received).unwrap().event
}

#[tokio::test(start_paused = true)]
async fn ids_count_the_events_of_each_type_by_themselves() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let parcel = fanout_outbox::Draft::of("p", 1, &super::scene::Shipped {}).unwrap();
    let drafts = [happened("a", 1), parcel.clone(), happened("a", 2), parcel];
    let drafts = drafts.map(|draft| draft.unordered());
    let events = outbox
        .events_caused_by(&cause(), "maker", None, &drafts)
        .unwrap();
    let committed = outbox.commit(Vec::new(), events).await.unwrap();
    outbox.publish_now(committed).await;
    let id = |event_type, number| caused_event_id("evt_1", "maker", event_type, number);
    let (things, parcels) = ("thing.happened", "parcel.shipped");
    let expected = [id(things, 0), id(parcels, 0), id(things, 1), id(parcels, 1)];
    assert_eq!(scene.bus.event_ids(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_meets_a_lease_tells_its_holder_who_publishes_that_row_too() {
    let scene = Scene::new().await;
    let (first, second) = (scene.outbox(), scene.outbox());
    let answer = scene.bus.answer_the_next_late();
    scene.stored(&first, vec![happened("a", 1)]).await;
    scene.documents.take_calls();
    scene.stored(&second, vec![happened("a", 2)]).await;
    let calls = scene.documents.take_calls();
    assert_eq!(calls.commits, 2, "refused, then beside the holder's lease");
    assert_eq!(scene.published(), places("a", &[1]));
    answer.send(true).unwrap();
    first.drain().await;
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.assert_nothing_left().await;
}

/// Taken, given back, taken: the second row must not lie there without a lease.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_between_two_tries_is_taken() {
    let scene = Scene::new().await;
    let first = scene.outbox();
    let answer = scene.bus.answer_the_next_late();
    scene.stored(&first, vec![happened("a", 1)]).await;
    let gives_back = async move {
        answer.send(true).unwrap();
        first.drain().await;
        HookedCommit::Made
    };
    let documents = HookedDocuments::new(
        scene.documents.clone(),
        Before(2, Mutex::new(Some(gives_back))),
    );
    let second = scene.outbox_over(documents.clone());
    scene.stored(&second, vec![happened("a", 2)]).await;
    // Refused, refused, made; and the tidying up.
    assert_eq!(documents.commits(), 4);
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.assert_nothing_left().await;
}

/// The relay's cursor may pass over a row that is committed long after its time.
#[tokio::test(start_paused = true)]
async fn a_row_bears_the_time_of_the_try_that_stored_it() {
    let scene = Scene::new().await;
    let clock = scene.clock.clone();
    let blocks = async move {
        clock.advance(std::time::Duration::from_secs(5));
        let lease = Key::new(OUTBOX_LEASES, "thing-service:a");
        let conflict = Write::create(lease, note()).conflict(1, Violation::AlreadyExists);
        HookedCommit::Fails(conflict.into())
    };
    let documents =
        HookedDocuments::new(scene.documents.clone(), Before(1, Mutex::new(Some(blocks))));
    let before = fanout_runtime::Clock::now(scene.clock.as_ref());
    let stored = scene.outbox_over(documents);
    scene
        .change(Write::set(
            Key::new(OUTBOX_LEASES, "thing-service:a"),
            lease_fields(),
        ))
        .await;
    scene.stored(&stored, vec![happened("a", 1)]).await;
    let row = scene.row("a", 1).await;
    let later = before + std::time::Duration::from_secs(5);
    assert_eq!(row.fields.timestamp("recorded_at"), Ok(later));
}

fn lease_fields() -> fanout_store::Fields {
    let far: fanout_runtime::Timestamp = "2026-11-20T13:00:00Z".parse().unwrap();
    note().with("expires_at", far).with("from_sequence", 1_u64)
}

#[tokio::test(start_paused = true)]
async fn a_conflict_of_the_callers_own_write_is_told_apart_by_its_key() {
    let scene = Scene::new().await;
    let holder = scene.outbox();
    let _never = scene.bus.answer_the_next_late();
    scene.stored(&holder, vec![happened("a", 1)]).await;
    scene.change(Write::set(thing(), note())).await;
    let outbox = scene.outbox();
    // With a free line, and with one whose lease is in the way too.
    for subject in ["b", "a"] {
        let writes = vec![Write::create(thing(), note())];
        let origin = Origin::default();
        let stored = outbox.store(writes, vec![happened(subject, 2)], &origin);
        let Err(CommitError::Conflict(Conflict { key, .. })) = stored.await else {
            panic!("stored over a document that is there");
        };
        assert_eq!(key, thing());
    }
    assert_eq!(scene.waiting().await, places("a", &[1]));
}

/// A lease that is never as it was a moment ago.
struct Restless;

#[async_trait]
impl CommitHook for Restless {
    async fn before(&self, _: usize, writes: &[Write]) -> HookedCommit {
        let lease = writes
            .iter()
            .enumerate()
            .find(|(_, it)| it.key.is_in(OUTBOX_LEASES));
        let Some((index, write)) = lease else {
            return HookedCommit::Made;
        };
        HookedCommit::Fails(write.conflict(index, Violation::Changed).into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_flips_without_end_is_contention_and_nothing_is_written() {
    let scene = Scene::new().await;
    let documents = HookedDocuments::new(scene.documents.clone() as Arc<dyn Documents>, Restless);
    let outbox = scene.outbox_over(documents.clone());
    let writes = vec![Write::create(thing(), note())];
    let origin = Origin::default();
    let stored = outbox.store(writes, vec![happened("a", 1)], &origin).await;
    assert!(
        matches!(stored, Err(CommitError::Contention(_))),
        "{stored:?}"
    );
    assert_eq!(documents.commits(), 10);
    assert_eq!(scene.documents.get(&thing()).await.unwrap(), None);
    assert_eq!(scene.waiting().await, []);
}
