//! The lease of a line: three parties on it, at the worst moments.
//!
//! The first holder is late, the second has taken over and is at work, and the third must find that
//! it is kept away.

use std::sync::Arc;
use std::time::Duration;

use fanout_outbox::{EVENTS, Outbox};
use fanout_store::{Fields, Key, Write};
use fanout_testkit::{HookedCommit, HookedDocuments, Mood, NextPublish, ScriptedBus};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;

use super::scene::{Before, Scene, happened, places, published, published_on};

const INLINE_LEASE: Duration = Duration::from_secs(20);

/// A holder that waits for an answer of the bus, and a successor that has taken over its line after
/// the lease, and waits too.
struct LateAndSuccessor {
    scene: Scene,
    late: Outbox,
    late_answer: oneshot::Sender<bool>,
    successor: JoinHandle<()>,
    successor_answer: oneshot::Sender<bool>,
    successors_bus: Arc<ScriptedBus>,
}

impl LateAndSuccessor {
    /// The line has two events; both holders are at the first.
    async fn at_work() -> Self {
        let scene = Scene::new().await;
        let late = scene.outbox();
        let late_answer = scene.bus.answer_the_next_late();
        scene.stored(&late, vec![happened("a", 1)]).await;
        scene.stored(&scene.outbox(), vec![happened("a", 2)]).await;
        scene.clock.advance(INLINE_LEASE);
        let successors_bus = Arc::new(ScriptedBus::default());
        let successor_answer = successors_bus.answer_the_next_late();
        let relay = scene.outbox_on(successors_bus.clone());
        let successor = tokio::spawn(async move {
            assert_eq!(relay.relay().await.unwrap(), published(2));
        });
        scene.settled().await;
        assert_eq!(
            published_on(&successors_bus),
            places("a", &[1]),
            "took over"
        );
        Self {
            scene,
            late,
            late_answer,
            successor,
            successor_answer,
            successors_bus,
        }
    }

    /// The late holder hears its answer; the successor's lease must be as it was.
    async fn late_one_hears(self, taken: bool) {
        let scene = self.scene;
        let lease = scene.lease("a").await.unwrap();
        self.late_answer.send(taken).unwrap();
        self.late.drain().await;
        assert_eq!(scene.lease("a").await, Some(lease), "the successor's lease");
        assert_eq!(scene.published(), places("a", &[1]), "and no row beside it");
        let third = Arc::new(ScriptedBus::default());
        let report = scene.outbox_on(third.clone()).relay().await.unwrap();
        assert_eq!((report.published, report.failed), (0, 0));
        assert_eq!(published_on(&third), []);

        self.successor_answer.send(true).unwrap();
        self.successor.await.unwrap();
        assert_eq!(published_on(&self.successors_bus), places("a", &[1, 2]));
        scene.assert_nothing_left().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_holder_that_fails_does_not_end_the_lease_of_its_successor() {
    LateAndSuccessor::at_work()
        .await
        .late_one_hears(false)
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_late_holder_that_succeeds_neither_gives_the_successors_lease_back_nor_goes_on() {
    LateAndSuccessor::at_work().await.late_one_hears(true).await;
}

/// What a late holder has published is not sent again by a third, whoever holds the line.
#[tokio::test(start_paused = true)]
async fn a_late_holder_marks_what_it_has_published_all_the_same() {
    let all = LateAndSuccessor::at_work().await;
    all.late_answer.send(true).unwrap();
    all.late.drain().await;
    assert_eq!(all.scene.waiting().await, places("a", &[2]));
}

/// The answer to a publish may take 10 s. A holder whose lease ends before that must not begin: its
/// successor would send that row and the next, and then it would arrive once more.
#[tokio::test(start_paused = true)]
async fn a_row_is_not_begun_when_its_answer_may_come_after_the_lease() {
    let ten = Duration::from_secs(10);
    for (left, begun) in [(ten, false), (ten + Duration::from_millis(1), true)] {
        let scene = Scene::new().await;
        let outbox = scene.outbox();
        let answer = scene.bus.answer_the_next_late();
        scene
            .stored(&outbox, vec![happened("a", 1), happened("a", 2)])
            .await;
        scene.clock.advance(INLINE_LEASE - left);
        answer.send(true).unwrap();
        outbox.drain().await;
        if begun {
            assert_eq!(scene.published(), places("a", &[1, 2]));
            scene.assert_nothing_left().await;
            continue;
        }
        assert_eq!(scene.published(), places("a", &[1]));
        assert_eq!(scene.waiting().await, places("a", &[2]));
        assert!(!scene.is_held("a").await, "left to the relay at once");
        assert_eq!(outbox.relay().await.unwrap(), published(1));
        assert_eq!(scene.published(), places("a", &[1, 2]));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_row_stops_its_line_until_it_is_repaired() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    for sequence in 1..=3 {
        scene.stored(&outbox, vec![happened("a", sequence)]).await;
        scene.stored(&outbox, vec![happened("b", sequence)]).await;
    }
    scene.bus.turn(Mood::Up);
    let broken = scene.row("a", 2).await;
    let whole = broken.fields.clone();
    let without_data = Write::merge(broken.key.clone(), Fields::new()).remove_field("data");
    scene.change(without_data).await;
    for _ in 0..2 {
        let report = outbox.relay().await.unwrap();
        assert_eq!((report.failed, report.remaining), (1, 3));
        assert_eq!(
            scene.published(),
            places("b", &[1, 2, 3]),
            "nothing overtakes it"
        );
        assert!(!scene.is_held("a").await);
    }
    scene.change(Write::set(broken.key, whole)).await;
    assert_eq!(outbox.relay().await.unwrap(), published(3));
    assert_eq!(scene.published()[3..], places("a", &[1, 2, 3]));
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_has_expired_stays_gone_when_a_late_holder_settles() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let first = scene.bus.answer_the_next_late();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.stored(&outbox, vec![happened("a", 2)]).await;
    let gone = scene.row("a", 1).await.key;
    scene.change(Write::delete(gone)).await;
    first.send(true).unwrap();
    outbox.drain().await;
    let left = scene.all(EVENTS).await;
    let left: Vec<_> = left
        .iter()
        .map(|row| row.fields.count("sequence"))
        .collect();
    assert_eq!(left, [Ok(2)]);
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.assert_nothing_left().await;
}

/// Also where others of the same commit are there still.
#[tokio::test(start_paused = true)]
async fn rows_beside_one_that_has_expired_are_marked() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.next(NextPublish::Taken);
    let second = scene.bus.answer_the_next_late();
    scene
        .stored(&outbox, vec![happened("a", 1), happened("a", 2)])
        .await;
    let gone = scene.row("a", 1).await.key;
    scene.change(Write::delete(gone)).await;
    second.send(true).unwrap();
    outbox.drain().await;
    assert_eq!(scene.all(EVENTS).await.len(), 1);
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_left_behind_is_taken_over_by_the_lines_next_event() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    scene.stored(&scene.outbox(), vec![happened("a", 1)]).await;
    scene.stored(&scene.outbox(), vec![happened("a", 2)]).await;
    assert!(!scene.is_held("a").await);
    scene.bus.turn(Mood::Up);
    let next = scene.outbox();
    scene.stored(&next, vec![happened("a", 3)]).await;
    next.drain().await;
    assert_eq!(
        scene.published(),
        places("a", &[1, 2, 3]),
        "and no relay came"
    );
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_whose_message_may_be_under_way_is_left_to_run_out() {
    let scene = Scene::new().await;
    scene.bus.next(NextPublish::NoAnswer);
    let outbox = scene.outbox();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    assert!(scene.is_held("a").await);
    scene.stored(&outbox, vec![happened("a", 2)]).await;
    assert_eq!(outbox.relay().await.unwrap().remaining, 2);
    scene.clock.advance(INLINE_LEASE);
    assert_eq!(outbox.relay().await.unwrap(), published(2));
    assert_eq!(scene.published(), places("a", &[1, 1, 2]));
}

/// A mark that was made while the holder failed must not keep the lease from being left.
#[tokio::test(start_paused = true)]
async fn a_holder_that_fails_leaves_its_lease_though_it_was_marked_meanwhile() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let answer = scene.bus.answer_the_next_late();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.stored(&outbox, vec![happened("a", 2)]).await;
    assert!(scene.is_held("a").await);
    answer.send(false).unwrap();
    outbox.drain().await;
    assert!(!scene.is_held("a").await);
    assert!(
        scene.lease("a").await.is_some(),
        "rows wait, so the document stays"
    );
}

/// Each mark must change the lease, also one that follows another before the holder has given it back:
/// else the holder gives back what has just been marked.
#[tokio::test(start_paused = true)]
async fn a_mark_after_a_mark_keeps_the_lease_too() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let first = scene.bus.answer_the_next_late();
    let second = scene.bus.answer_the_next_late();
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.stored(&outbox, vec![happened("a", 2)]).await;
    first.send(true).unwrap();
    scene.settled().await;
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.stored(&outbox, vec![happened("a", 3)]).await;
    second.send(true).unwrap();
    outbox.drain().await;
    assert_eq!(scene.published(), places("a", &[1, 2, 3]));
    scene.assert_nothing_left().await;
}

/// Both have read a lease that was left behind; one has taken it over since, and is at work.
#[tokio::test(start_paused = true)]
async fn of_two_that_take_a_lease_over_one_gets_it() {
    let scene = Scene::new().await;
    scene.bus.turn(Mood::Down);
    scene
        .stored(&scene.outbox(), vec![happened("a", 1), happened("a", 2)])
        .await;
    scene.bus.turn(Mood::Up);
    let answer = scene.bus.answer_the_next_late();
    let faster = scene.outbox();
    let at_work = async move {
        tokio::spawn(async move { faster.relay().await });
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        HookedCommit::Made
    };
    let hook = Before(1, Mutex::new(Some(at_work)));
    let documents = HookedDocuments::new(scene.documents.clone(), hook);
    let report = scene.outbox_over(documents).relay().await.unwrap();
    assert_eq!((report.published, report.failed), (0, 0));
    assert_eq!(scene.published(), places("a", &[1]));
    answer.send(true).unwrap();
    scene.settled().await;
    assert_eq!(scene.published(), places("a", &[1, 2]));
    scene.assert_nothing_left().await;
}

/// The lease says from where on the line must be read; it must not be later than what waits.
#[tokio::test(start_paused = true)]
async fn a_holder_reads_the_line_from_its_oldest_waiting_row_on() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    for sequence in 1..=3 {
        scene.stored(&outbox, vec![happened("a", sequence)]).await;
    }
    scene.bus.turn(Mood::Down);
    scene.stored(&outbox, vec![happened("a", 4)]).await;
    let from = async || {
        let lease = scene.lease("a").await.unwrap();
        lease.fields.count("from_sequence").unwrap()
    };
    assert_eq!(from().await, 4);
    scene.stored(&outbox, vec![happened("a", 5)]).await;
    assert_eq!(
        from().await,
        4,
        "also after the holder of the fifth has taken over"
    );
    scene.bus.turn(Mood::Up);
    scene.bus.next(NextPublish::Taken);
    scene.bus.next(NextPublish::Unavailable);
    outbox.relay().await.unwrap();
    assert_eq!(from().await, 5, "and it moves with what was published");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_read_is_a_failure_and_is_left_as_it_is() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    scene.stored(&outbox, vec![happened("a", 1)]).await;
    scene.bus.turn(Mood::Up);
    let key = Key::new(fanout_outbox::OUTBOX_LEASES, "thing-service:a");
    scene.change(Write::set(key, Fields::new())).await;
    let report = outbox.relay().await.unwrap();
    assert_eq!(
        (report.published, report.failed, report.remaining),
        (0, 1, 1)
    );
}
