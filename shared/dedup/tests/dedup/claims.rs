//! Claims: whose they are, and what a holder that died leaves behind.

use std::time::Duration;

use async_trait::async_trait;
use fanout_dedup::{
    LedgerError, MarkState, PROCESSED_EVENTS, Parking, Predecessor, Standing,
    expire_claims_of_dead_process,
};
use fanout_runtime::{Clock, Timings};
use fanout_store::{Collection, CommitError, Documents, Fields, Key, StoreError, Violation, Write};
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments};

use super::scene::{Before, Scene, granted, seen};

const THINGS: &Collection = &Collection::named("things");

fn unavailable() -> CommitError {
    StoreError::Unavailable("the connection broke".into()).into()
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_ours_with_its_attempt_and_its_fence() {
    let scene = Scene::new().await;
    let lost = async { HookedCommit::AnswerLost };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, lost));
    let ledger = scene.over(documents);
    let claim = granted(&ledger).await;
    assert_eq!(
        (claim.mark.attempt, claim.mark.may_have_repeated),
        (1, false)
    );
    scene
        .commit(ledger.completed(&claim, "done"))
        .await
        .unwrap();
}

/// The commit fails without an answer, and by the time of the read another instance holds the event.
#[tokio::test(start_paused = true)]
async fn a_claim_that_another_holds_is_not_taken_for_ours() {
    let scene = Scene::new().await;
    let other = scene.ledger();
    let meanwhile = async move {
        granted(&other).await;
        HookedCommit::Fails(unavailable())
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, meanwhile));
    let answer = scene.over(documents).claim(&seen("evt_1"), &[]).await;
    assert!(matches!(answer, Err(LedgerError::Store(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_nobody_has_made_is_the_stores_failure() {
    let scene = Scene::new().await;
    let fails = async { HookedCommit::Fails(unavailable()) };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, fails));
    let answer = scene.over(documents).claim(&seen("evt_1"), &[]).await;
    assert!(matches!(answer, Err(LedgerError::Store(_))), "{answer:?}");
    assert_eq!(scene.mark(&seen("evt_1")).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_writes_of_a_claim_are_committed_with_it_or_nothing_is_claimed() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    let fence = || Write::create(Key::new(THINGS, "fence"), Fields::new());
    let claimed = ledger.claim(&seen("evt_1"), &[fence()]).await.unwrap();
    assert!(matches!(claimed, Standing::Open(_)), "{claimed:?}");
    let fenced_off = ledger.claim(&seen("evt_2"), &[fence()]).await;
    let Err(LedgerError::Effect(conflict)) = fenced_off else {
        panic!("{fenced_off:?}");
    };
    assert_eq!(
        (conflict.index, conflict.violation),
        (1, Violation::AlreadyExists)
    );
    assert_eq!(scene.mark(&seen("evt_2")).await, None);
}

/// A mark that changes each time it has been read.
struct Restless;

#[async_trait]
impl CommitHook for Restless {
    async fn before(&self, _: usize, writes: &[Write]) -> HookedCommit {
        HookedCommit::Fails(writes[0].conflict(0, Violation::Changed).into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_never_holds_still_is_contention_after_five_tries() {
    let scene = Scene::new().await;
    let documents = HookedDocuments::new(scene.documents.clone(), Restless);
    let answer = scene
        .over(documents.clone())
        .claim(&seen("evt_1"), &[])
        .await;
    assert!(matches!(answer, Err(LedgerError::Contention)), "{answer:?}");
    assert_eq!((documents.commits(), scene.documents.calls().gets), (5, 5));
}

/// The first conflict is usually that of a mark that was there before: nothing is gained by waiting.
#[tokio::test(start_paused = true)]
async fn a_claim_is_tried_a_second_time_at_once_and_later_after_a_pause() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    let claim = granted(&ledger).await;
    ledger.release(&claim, false, Vec::new()).await.unwrap();
    let started = tokio::time::Instant::now();
    granted(&ledger).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    let documents = HookedDocuments::new(scene.documents.clone(), Restless);
    scene.clock.advance(Timings::PRODUCTION.lease);
    let answer = scene.over(documents).claim(&seen("evt_1"), &[]).await;
    assert!(answer.is_err());
    assert!(started.elapsed() > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_written_over_what_was_read_or_not_at_all() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    let event = seen("evt_1");
    let parking = Parking {
        message_id: "17",
        reason: "never",
        detail: "never",
    };
    let outdated = Predecessor::NONE;
    ledger.park(&event, &outdated, parking).await.unwrap();
    let parked = scene.mark(&event).await;
    let again = ledger.park(&event, &outdated, parking).await;
    assert!(matches!(again, Err(LedgerError::Fenced)), "{again:?}");
    let done = scene.commit(ledger.done(&event, &outdated, "done")).await;
    assert!(matches!(done, Err(LedgerError::Fenced)), "{done:?}");
    assert_eq!(scene.mark(&event).await, parked);
    let Standing::Open(known) = ledger.standing(&event).await.unwrap() else {
        panic!("parked is no end");
    };
    scene
        .commit(ledger.done(&event, &known, "done"))
        .await
        .unwrap();
    let done = scene.mark(&event).await.unwrap();
    assert_eq!((done.state, done.attempt), (MarkState::Done, 2));
}

#[tokio::test(start_paused = true)]
async fn a_claim_ends_as_what_is_said_of_it() {
    let lifetime = Timings::PRODUCTION.mark_lifetime;
    for may_have_acted in [true, false] {
        let scene = Scene::new().await;
        let ledger = scene.ledger();
        let claim = granted(&ledger).await;
        let held = scene.mark(&seen("evt_1")).await.unwrap();
        let lease = scene.clock.now() + Timings::PRODUCTION.lease;
        assert_eq!(
            (held.state, held.lease_expires_at),
            (MarkState::Processing, Some(lease))
        );
        scene.clock.advance(Duration::from_secs(5));
        ledger
            .release(&claim, may_have_acted, Vec::new())
            .await
            .unwrap();
        let released = scene.mark(&seen("evt_1")).await.unwrap();
        assert_eq!(released.state, MarkState::Released);
        assert_eq!(released.may_have_repeated, may_have_acted);
        assert_eq!((&released.owner, released.lease_expires_at), (&None, None));
        assert_eq!(released.expires_at, scene.clock.now() + lifetime);

        let claim = granted(&ledger).await;
        scene
            .commit(ledger.completed(&claim, "stale"))
            .await
            .unwrap();
        let done = scene.mark(&seen("evt_1")).await.unwrap();
        assert_eq!(
            (done.state, done.outcome.as_deref()),
            (MarkState::Done, Some("stale"))
        );
        assert_eq!((done.attempt, done.may_have_repeated), (2, may_have_acted));
        assert_eq!(done.finished_at, Some(scene.clock.now()));
        assert_eq!((done.owner, done.lease_expires_at), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_mark_says_which_message_and_keeps_that_the_act_may_have_happened() {
    for may_have_acted in [true, false] {
        let scene = Scene::new().await;
        let ledger = scene.ledger();
        let claim = granted(&ledger).await;
        ledger
            .release(&claim, may_have_acted, Vec::new())
            .await
            .unwrap();
        let claim = granted(&ledger).await;
        let parking = Parking {
            message_id: "17",
            reason: "never",
            detail: "at no time",
        };
        scene.commit(ledger.parked(&claim, parking)).await.unwrap();
        let mark = scene.mark(&seen("evt_1")).await.unwrap();
        assert_eq!((mark.state, mark.attempt), (MarkState::Parked, 2));
        assert_eq!(mark.may_have_repeated, may_have_acted);
        assert_eq!(mark.parked_message.as_deref(), Some("17"));
        assert_eq!(mark.outcome.as_deref(), Some("never"));
        assert_eq!(mark.detail.as_deref(), Some("at no time"));
        assert_eq!((mark.owner, mark.lease_expires_at), (None, None));
        assert_eq!(mark.finished_at, Some(scene.clock.now()));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_claim_that_completed_is_told_so() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    let late = granted(&ledger).await;
    assert!(
        !ledger.has_ended(&late, MarkState::Done).await.unwrap(),
        "under way"
    );
    scene.clock.advance(Timings::PRODUCTION.lease);
    let successor = granted(&ledger).await;
    scene
        .commit(ledger.completed(&successor, "done"))
        .await
        .unwrap();
    assert!(ledger.has_ended(&successor, MarkState::Done).await.unwrap());
    assert!(
        !ledger.has_ended(&late, MarkState::Done).await.unwrap(),
        "it was its successor"
    );
    scene
        .commit(Write::delete(seen("evt_1").key()))
        .await
        .unwrap();
    assert!(!ledger.has_ended(&successor, MarkState::Done).await.unwrap());
}

/// kill -9 between act and mark: the next process goes on at once, and knows that the act may have
/// happened.
#[tokio::test(start_paused = true)]
async fn a_claim_of_a_dead_process_is_taken_over_at_once_as_a_possible_repeat() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    let dead = granted(&ledger).await;
    expire_claims_of_dead_process(scene.documents.as_ref(), scene.clock.as_ref())
        .await
        .unwrap();
    let held = scene.mark(&seen("evt_1")).await.unwrap();
    assert_eq!(
        held.state,
        MarkState::Processing,
        "the holder did not let go"
    );
    let next = granted(&ledger).await;
    assert_eq!((next.mark.attempt, next.mark.may_have_repeated), (2, true));
    let late = scene.commit(ledger.completed(&dead, "done")).await;
    assert!(matches!(late, Err(LedgerError::Fenced)), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn only_claims_are_expired() {
    let scene = Scene::new().await;
    for state in [MarkState::Released, MarkState::Done, MarkState::Parked] {
        let mark = scene.left(state);
        let write = Write::set(seen("evt_1").key(), mark.to_fields());
        scene.commit(write).await.unwrap();
        let expired = expire_claims_of_dead_process(scene.documents.as_ref(), scene.clock.as_ref());
        expired.await.unwrap();
        assert_eq!(scene.mark(&seen("evt_1")).await, Some(mark));
    }
}

/// A start that is cut off goes on where the last one was.
#[tokio::test(start_paused = true)]
async fn a_start_leaves_alone_the_claims_that_have_expired() {
    let scene = Scene::new().await;
    granted(&scene.ledger()).await;
    scene.documents.take_calls();
    for commits in [1, 0] {
        expire_claims_of_dead_process(scene.documents.as_ref(), scene.clock.as_ref())
            .await
            .unwrap();
        assert_eq!(scene.documents.take_calls().commits, commits);
    }
}

/// A claim that changes while it is being expired has a live holder.
#[tokio::test(start_paused = true)]
async fn a_claim_that_was_made_meanwhile_is_not_expired() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    granted(&ledger).await;
    let (alive, clock) = (scene.ledger(), scene.clock.clone());
    let takes_over = async move {
        clock.advance(Timings::PRODUCTION.lease);
        granted(&alive).await;
        HookedCommit::Made
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, takes_over));
    let expired = expire_claims_of_dead_process(documents.as_ref(), scene.clock.as_ref());
    expired.await.unwrap();
    let answer = ledger.claim(&seen("evt_1"), &[]).await.unwrap();
    assert!(matches!(answer, Standing::Held { .. }), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told() {
    let scene = Scene::new().await;
    granted(&scene.ledger()).await;
    let fails = async { HookedCommit::Fails(unavailable()) };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, fails));
    let expired = expire_claims_of_dead_process(documents.as_ref(), scene.clock.as_ref()).await;
    assert!(
        matches!(expired, Err(StoreError::Unavailable(_))),
        "{expired:?}"
    );
    let contended = async { HookedCommit::Fails(CommitError::Contention("held".into())) };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, contended));
    let expired = expire_claims_of_dead_process(documents.as_ref(), scene.clock.as_ref()).await;
    assert!(expired.is_ok(), "its holder is alive");
}

#[test]
fn marks_lie_in_a_collection_that_the_store_may_empty() {
    assert_eq!(PROCESSED_EVENTS.name, "processed_events");
    assert!(seen("evt_1").key().is_in(PROCESSED_EVENTS));
    assert_ne!(seen("evt_1").reused_key(), seen("evt_1").key());
}

#[tokio::test(start_paused = true)]
async fn a_stored_mark_that_cannot_be_read_is_told() {
    let scene = Scene::new().await;
    let broken = Write::set(seen("evt_1").key(), Fields::new().with("state", "lost"));
    scene.documents.commit(vec![broken]).await.unwrap();
    let answer = scene.ledger().claim(&seen("evt_1"), &[]).await;
    assert!(
        matches!(answer, Err(LedgerError::Malformed(_))),
        "{answer:?}"
    );
}
