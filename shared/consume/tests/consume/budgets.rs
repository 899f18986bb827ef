//! The time of an act: it begins with the claim, and ends before the lease does.

use std::time::Duration;

use fanout_dedup::MarkState;
use fanout_runtime::Timings;
use fanout_testkit::user_events::created;
use fanout_testkit::{HookedCommit, HookedDocuments};
use tokio::time::{Instant, sleep};

use super::effects::{Acting, Next};
use super::scene::{Before, Scene, outcome_of};

/// The lease begins when the claim is sent. A slow claim leaves the act less time; it must not run on
/// when the lease has ended and a successor acts.
#[tokio::test(start_paused = true)]
async fn an_act_ends_with_the_budget_that_began_before_the_claim() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let slow = async {
        sleep(Duration::from_secs(20)).await;
        HookedCommit::Made
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, slow));
    let app = scene.over(documents, consumer);
    told.next(Next::Hangs);
    let started = Instant::now();
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "failed");
    assert_eq!(started.elapsed(), Timings::PRODUCTION.handler_budget);
    assert_eq!(told.began(), [started + Duration::from_secs(20)]);
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!(
        (mark.state, mark.may_have_repeated),
        (MarkState::Released, true)
    );
}

#[tokio::test(start_paused = true)]
async fn an_act_is_not_begun_with_less_than_a_third_of_the_budget() {
    let (third, moment) = (Duration::from_secs(15), Duration::from_millis(1));
    for (left, begun) in [(third, true), (third - moment, false)] {
        let scene = Scene::new().await;
        let (told, consumer) = Acting::consumer();
        let slow = async move {
            sleep(Timings::PRODUCTION.handler_budget - left).await;
            HookedCommit::Made
        };
        let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, slow));
        let app = scene.over(documents, consumer);
        let event = created("evt_1", "usr_1");
        if begun {
            told.next(Next::TakesLong(left - moment));
            assert_eq!(outcome_of(&app, &event).await, "done");
            continue;
        }
        assert_eq!(outcome_of(&app, &event).await, "failed");
        assert_eq!(told.acts(), []);
        let mark = scene.mark("evt_1").await.unwrap();
        assert_eq!(
            (mark.state, mark.may_have_repeated),
            (MarkState::Released, false)
        );
        // Given back at once.
        assert_eq!(outcome_of(&app, &event).await, "done");
        let attempt = told.acts()[0];
        assert_eq!((attempt.number, attempt.may_have_repeated), (2, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_takes_the_whole_budget_is_given_up() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let never = async { std::future::pending().await };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, never));
    let app = scene.over(documents, consumer);
    let started = Instant::now();
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "failed");
    assert_eq!(started.elapsed(), Timings::PRODUCTION.handler_budget);
    assert_eq!(told.acts(), []);
}

#[tokio::test(start_paused = true)]
async fn an_act_knows_until_when_it_may_take() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    let started = Instant::now();
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let until = started + Timings::PRODUCTION.handler_budget;
    assert_eq!(told.acts()[0].until, until);
}
