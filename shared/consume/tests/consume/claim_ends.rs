//! The end of a claim: it is tried for as long as the delivery may take, and never guessed.

use std::time::Duration;

use fanout_dedup::MarkState;
use fanout_runtime::Timings;
use fanout_store::{StoreError, Write};
use fanout_testkit::user_events::created;
use fanout_testkit::{HookedCommit, HookedDocuments};
use tokio::time::Instant;

use super::effects::{Acting, Next};
use super::outside::remember_something;
use super::scene::{Before, Scene, outcome_of};

fn unavailable() -> HookedCommit {
    HookedCommit::Fails(StoreError::Unavailable("the connection broke".into()).into())
}

/// Giving up would mean a second act: others who change the same document are waited out.
#[tokio::test(start_paused = true)]
async fn what_an_act_leaves_is_tried_for_as_long_as_the_delivery_has_time() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    remember_something(&scene).await;
    *told.careful.lock().unwrap() = 20;
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!((told.acts().len(), told.remembered().len()), (1, 21));
    *told.careful.lock().unwrap() = u32::MAX;
    let started = Instant::now();
    assert_eq!(outcome_of(&app, &created("evt_2", "usr_1")).await, "failed");
    let took = started.elapsed();
    let last = Timings::PRODUCTION.ack_deadline - Duration::from_secs(5);
    assert!(
        took >= last && took < Timings::PRODUCTION.ack_deadline,
        "{took:?}"
    );
    assert_eq!(told.acts().len(), 2);
}

/// The claim is made; no commit after it is, until that moment.
struct DownUntil(Instant);

#[async_trait::async_trait]
impl fanout_testkit::CommitHook for DownUntil {
    async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
        if number > 1 && Instant::now() < self.0 {
            unavailable()
        } else {
            HookedCommit::Made
        }
    }
}

/// Losing the completion means acting twice: a store that is down is waited out.
#[tokio::test(start_paused = true)]
async fn a_completion_that_fails_is_tried_for_as_long_as_the_delivery_has_time() {
    for (down, outcome) in [(50, "done"), (60, "failed")] {
        let scene = Scene::new().await;
        let (told, consumer) = Acting::consumer();
        let started = Instant::now();
        let down = DownUntil(started + Duration::from_secs(down));
        let app = scene.over(
            HookedDocuments::new(scene.documents.clone(), down),
            consumer,
        );
        assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, outcome);
        assert_eq!(told.acts().len(), 1);
        let took = started.elapsed();
        assert!(took < Timings::PRODUCTION.ack_deadline, "{took:?}");
    }
}

/// A plan that was made without a read conflicts for certain where the document is there.
#[tokio::test(start_paused = true)]
async fn a_conflict_that_comes_when_the_budget_is_over_is_planned_again() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    remember_something(&scene).await;
    *told.careful.lock().unwrap() = 1;
    let budget = Timings::PRODUCTION.handler_budget;
    let slow = async move {
        tokio::time::sleep(budget).await;
        HookedCommit::Made
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(2, slow));
    let app = scene.over(documents, consumer);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!((told.acts().len(), told.remembered().len()), (1, 2));
}

/// What the store refuses once it refuses again.
#[tokio::test(start_paused = true)]
async fn a_completion_that_is_refused_is_not_tried_again() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let refused =
        async { HookedCommit::Fails(StoreError::Refused("not with these rights".into()).into()) };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(2, refused));
    let app = scene.over(documents, consumer);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "failed");
    assert_eq!(told.remembered().len(), 1);
}

/// An answer that was lost and a mark that is another's must be told apart.
#[tokio::test(start_paused = true)]
async fn a_completion_that_was_lost_is_not_mistaken_for_one_that_another_made() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let (_, others) = Acting::consumer();
    let other = scene.of(others);
    let (clock, event) = (scene.clock.clone(), created("evt_1", "usr_1"));
    let same = event.clone();
    let overtaken = async move {
        clock.advance(Timings::PRODUCTION.lease);
        assert_eq!(outcome_of(&other, &same).await, "done");
        unavailable()
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(2, overtaken));
    let app = scene.over(documents, consumer);
    assert_eq!(outcome_of(&app, &event).await, "failed");
    assert_eq!(told.acts().len(), 1);
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 2));
}

/// A claim that is left to its lease would count as one whose holder may have acted.
#[tokio::test(start_paused = true)]
async fn a_claim_that_cannot_be_given_back_is_tried_again() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    told.next(Next::IsPutOff);
    let down = DownUntil(Instant::now() + Duration::from_secs(30));
    let app = scene.over(
        HookedDocuments::new(scene.documents.clone(), down),
        consumer,
    );
    assert_eq!(
        outcome_of(&app, &created("evt_1", "usr_1")).await,
        "deferred"
    );
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!(
        (mark.state, mark.may_have_repeated),
        (MarkState::Released, false)
    );
}
