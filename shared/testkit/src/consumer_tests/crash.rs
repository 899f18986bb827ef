//! A crash at every commit of a delivery.

use std::time::Duration;

use fanout_dedup::MarkState;
use fanout_runtime::Timings;
use http::StatusCode;
use serde_json::Value;

use super::scene::Scene;
use super::stops_answering::{CrashPoint, Moment, StopsAnswering};
use super::{Answer, ConsumerUnderTest};
use crate::documents_conformance::Subject;

/// A crash point is reached in milliseconds; what takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// However far a delivery came before its process died, the next one leaves one effect; two only if
/// the effect lies outside the store, and then the mark says that it may have repeated.
///
/// Crashes at every commit that a delivery makes: before the commit took effect (for an effect
/// outside, that is after the act) and after it took effect but before its answer.
pub async fn a_crash_at_any_commit_is_made_good_by_the_next_delivery(
    consumer: impl ConsumerUnderTest,
    store: impl Into<Subject>,
) {
    let mut scene = Scene::new(consumer, store);
    let undisturbed = scene.deliver_whole(&scene.event()).await;
    assert_eq!(undisturbed.outcome, "done");
    let commits = scene.documents.take_calls().commits;
    let mut after_the_effect = 0;
    for commit in 1..=commits {
        for moment in [Moment::BeforeItTookEffect, Moment::BeforeItsAnswer] {
            scene = scene.recounted();
            let point = CrashPoint { commit, moment };
            after_the_effect += usize::from(crash_at(&scene, point).await);
        }
    }
    assert!(after_the_effect > 0, "no crash came after the effect");
}

/// Whether there was an effect when the process crashed.
async fn crash_at<C: ConsumerUnderTest>(scene: &Scene<C>, point: CrashPoint) -> bool {
    let event = scene.event();
    let before = scene.effects().await;
    let dying = StopsAnswering::new(scene.documents.clone(), point);
    let container = scene.container_over(dying.clone());
    // What is emitted is published and tidied up in the background; that may go on after the answer.
    let delivery = async {
        let answer = scene.deliver(&container, &event).await;
        tokio::time::sleep(PATIENCE).await;
        panic!("{point:?} was not reached: {answer:?}")
    };
    tokio::select! {
        () = dying.reached() => {}
        () = delivery => {}
    }
    let left_behind = scene.effects().await - before;

    let answer = after_the_lease_at_most(scene, &event).await;
    assert!(answer.acked(), "{point:?}: {answer:?}");
    let mark = scene.mark(&event).await;
    assert_eq!(mark.state, MarkState::Done, "{point:?}");
    let effects = scene.effects().await - before;
    match effects {
        1 => {}
        2 => assert!(mark.may_have_repeated, "{point:?}: twice, and nobody knows"),
        other => panic!("{point:?}: {other} effects"),
    }

    let again = scene.deliver(&scene.container(), &event).await;
    assert_eq!(again.outcome, "duplicate", "{point:?}");
    assert_eq!(scene.effects().await - before, effects, "{point:?}");
    left_behind > 0
}

/// Delivers to a new container; if that is told to wait for the dead one's lease, it waits as long as
/// it is told, once.
async fn after_the_lease_at_most<C: ConsumerUnderTest>(scene: &Scene<C>, event: &Value) -> Answer {
    let container = scene.container();
    let answer = scene.deliver(&container, event).await;
    if answer.status != StatusCode::TOO_MANY_REQUESTS {
        return answer;
    }
    let wait = answer.retry_after.expect("a 429 says how long to wait");
    assert!(wait <= Timings::PRODUCTION.lease, "{wait:?}");
    scene.clock.advance(wait);
    scene.deliver(&container, event).await
}
