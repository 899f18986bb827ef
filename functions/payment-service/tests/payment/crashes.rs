//! The payment service dies at every single call that it makes, of the store and of Stripe: before
//! the call took effect, and after that and before its answer. The next life settles it.

use fanout_testkit::faults::Fault;

use crate::scene::{Scene, charge_requested, refund_requested};

/// Runs a story once for each place at which its first life can end.
async fn at_every_call(story: impl AsyncFn(u64, Fault) -> bool) {
    for moment in [Fault::CrashBefore, Fault::CrashAfter] {
        let mut call = 1;
        while story(call, moment).await {
            call += 1;
        }
        assert!(call > 6, "{call} calls only");
    }
}

#[tokio::test]
async fn a_charge_that_dies_anywhere_is_captured_once() {
    at_every_call(async |call, moment| {
        let scene = Scene::crashing(call, moment).await;
        let crashed = scene.crashes_at(&charge_requested(1)).await;
        // The bus delivers again, and the process asks again.
        for event in [
            charge_requested(1),
            charge_requested(2),
            charge_requested(1),
        ] {
            scene.settles(&event).await;
        }
        assert_eq!(scene.stand_in.captures(), (1, 1), "{call}, {moment}");
        assert_eq!(scene.payments().await, ["captured"], "{call}, {moment}");
        crashed
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_dies_anywhere_is_made_once() {
    at_every_call(async |call, moment| {
        let scene = Scene::crashing(call, moment).await;
        scene.settles(&charge_requested(1)).await;
        let crashed = scene.crashes_at(&refund_requested(1)).await;
        for event in [
            refund_requested(1),
            refund_requested(2),
            charge_requested(2),
        ] {
            scene.settles(&event).await;
        }
        assert_eq!(scene.stand_in.captures(), (1, 0), "{call}, {moment}");
        assert_eq!(scene.payments().await, ["refunded"], "{call}, {moment}");
        crashed
    })
    .await;
}

#[tokio::test]
async fn an_undo_of_a_charge_that_died_anywhere_leaves_nothing_captured() {
    at_every_call(async |call, moment| {
        let scene = Scene::crashing(call, moment).await;
        let crashed = scene.crashes_at(&charge_requested(1)).await;
        for event in [
            refund_requested(1),
            charge_requested(1),
            charge_requested(2),
        ] {
            scene.settles(&event).await;
        }
        let (ever, standing) = scene.stand_in.captures();
        assert!(
            ever <= 1 && standing == 0,
            "{call}, {moment}: {ever} {standing}"
        );
        let payments = scene.payments().await;
        assert!(
            !payments.contains(&"captured".to_owned()),
            "{call}, {moment}"
        );
        crashed
    })
    .await;
}

#[tokio::test]
async fn a_charge_that_dies_and_comes_again_after_stripe_forgot_its_keys_is_captured_once() {
    at_every_call(async |call, moment| {
        let scene = Scene::crashing(call, moment).await;
        let crashed = scene.crashes_at(&charge_requested(1)).await;
        for event in [charge_requested(1), charge_requested(2)] {
            scene.stand_in.forget_keys();
            scene.settles(&event).await;
        }
        assert_eq!(scene.stand_in.captures(), (1, 1), "{call}, {moment}");
        crashed
    })
    .await;
}
