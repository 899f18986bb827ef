//! Conflicts are told apart by their key: one about the mark is read, one about a write is planned
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Plan, StoreEffect, UnitOfWork, View};
use fanout_contracts::user::UserCreated;
use fanout_dedup::PROCESSED_EVENTS;
use fanout_events::Envelope;
use fanout_store::{Collection, Fields, StoreError, Violation, Write};
use fanout_testkit::user_events::created;
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments};

use super::effects::{Planned, THINGS, thing};
use super::scene::{Before, Scene, TESTED, outcome_of};

/// Answers so many commits with a conflict about a collection's write.
struct Conflicting {
    on: &'static Collection,
    times: usize,
}

#[async_trait]
impl CommitHook for Conflicting {
    async fn before(&self, number: usize, writes: &[Write]) -> HookedCommit {
        let found = writes.iter().enumerate();
        let mut found = found.filter(|(_, write)| write.key.is_in(self.on));
        match found.next() {
            Some((index, write)) if number <= self.times => {
                HookedCommit::Fails(write.conflict(index, Violation::Changed).into())
            }
            Some(_) | None => HookedCommit::Made,
        }
    }
}

/// Writes a thing; tells the conflicts that each plan has seen.
fn planner(plans: &Arc<std::sync::Mutex<Vec<u32>>>) -> Consumer {
    let plans = Arc::clone(plans);
    Planned::consumer(move |conflicts| {
        plans.lock().unwrap().push(conflicts);
        Ok(Plan::Apply(
            vec![Write::set(thing("a"), Fields::new())].into(),
        ))
    })
}

#[tokio::test(start_paused = true)]
async fn a_write_that_conflicts_is_planned_again_five_times_and_without_asking_for_the_mark() {
    for (times, outcome, calls) in [(5, "done", 6), (6, "failed", 6)] {
        let scene = Scene::new().await;
        let plans = Arc::default();
        let conflicting = Conflicting { on: THINGS, times };
        let documents = HookedDocuments::new(scene.documents.clone(), conflicting);
        let app = scene.over(documents.clone(), planner(&plans));
        let started = tokio::time::Instant::now();
        assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, outcome);
        assert!(started.elapsed() > Duration::ZERO, "with pauses between");
        let seen: Vec<u32> = (0..calls).collect();
        assert_eq!(*plans.lock().unwrap(), seen);
        assert_eq!(scene.documents.calls().gets, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_conflicts_is_read_and_if_it_is_open_all_is_planned_again() {
    let scene = Scene::new().await;
    let plans = Arc::default();
    let conflicting = Conflicting {
        on: PROCESSED_EVENTS,
        times: 2,
    };
    let documents = HookedDocuments::new(scene.documents.clone(), conflicting);
    let app = scene.over(documents, planner(&plans));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!(*plans.lock().unwrap(), [0, 1, 2]);
    assert_eq!(scene.documents.calls().gets, 2);
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_another_instance_has_made_meanwhile_makes_it_a_duplicate() {
    let scene = Scene::new().await;
    let plans = Arc::default();
    let event = created("evt_1", "usr_1");
    let other = scene.of(planner(&plans));
    let same = event.clone();
    let meanwhile = async move {
        assert_eq!(outcome_of(&other, &same).await, "done");
        HookedCommit::Made
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, meanwhile));
    let app = scene.over(documents, planner(&plans));
    assert_eq!(outcome_of(&app, &event).await, "duplicate");
    assert_eq!(scene.documents.writes_to(THINGS), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_an_answer_is_not_repeated_by_the_pipeline() {
    let scene = Scene::new().await;
    let plans = Arc::default();
    let lost = async { HookedCommit::AnswerLost };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, lost));
    let app = scene.over(documents, planner(&plans));
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&app, &event).await, "failed");
    assert_eq!(outcome_of(&app, &event).await, "duplicate");
    assert_eq!(scene.documents.writes_to(THINGS), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_by_the_next_delivery() {
    let scene = Scene::new().await;
    let plans = Arc::default();
    let fails = async {
        HookedCommit::Fails(StoreError::Unavailable("the connection broke".into()).into())
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, fails));
    let app = scene.over(documents, planner(&plans));
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&app, &event).await, "failed");
    assert_eq!(scene.mark("evt_1").await, None);
    assert_eq!(outcome_of(&app, &event).await, "done");
}

/// A plan that never comes.
struct Hanging(Arc<AtomicUsize>);

#[async_trait]
impl StoreEffect<UserCreated> for Hanging {
    async fn plan(&self, _: &Envelope<UserCreated>, _: &View<'_>) -> Result<Plan, Failure> {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            std::future::pending().await
        }
        Ok(Plan::Apply(UnitOfWork::default()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_beyond_the_handlers_budget_is_ended() {
    let scene = Scene::new().await;
    let app = scene.of(Consumer::named(TESTED).on::<UserCreated>(Hanging(Arc::default())));
    let started = tokio::time::Instant::now();
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "failed");
    assert_eq!(started.elapsed(), Duration::from_secs(45));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_may_work_later_is_not_acked_and_marks_nothing() {
    let scene = Scene::new().await;
    let app = scene.of(Planned::consumer(|_| Err(Failure::retry("not now"))));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "failed");
    assert_eq!(scene.mark("evt_1").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_put_off_marks_nothing_either() {
    let scene = Scene::new().await;
    let app = scene.of(Planned::consumer(|_| Err(Failure::Later("not now".into()))));
    assert_eq!(
        outcome_of(&app, &created("evt_1", "usr_1")).await,
        "deferred"
    );
    assert_eq!(scene.mark("evt_1").await, None);
}
