//! What only an operator can repair is loud, moves no money, and is made good by the next delivery.

use std::sync::atomic::{AtomicBool, Ordering};

use fanout_testkit::captured_logs;
use fanout_testkit::consumer_tests::deliver;

use crate::keep_books::SLOW_REFUND;
use crate::scene::{Scene, charge_requested, refund_requested};
use crate::stand_in::Trouble;

#[tokio::test]
async fn a_key_that_stripe_does_not_take_fails_loudly_and_is_not_shown() {
    for status in [302, 401, 403, 404, 418] {
        let first = AtomicBool::new(true);
        let once = move || first.swap(false, Ordering::SeqCst);
        let scene = Scene::troubled(move |_| once().then_some(Trouble::Says(status))).await;
        let delivery = captured_logs(async { deliver(&scene.life(), charge_requested(1)).await });
        let (answer, logs) = delivery.await;
        assert_eq!(answer.outcome, "failed", "{status}: {logs}");
        assert!(logs.contains(r#""severity":"ERROR""#), "{logs}");
        assert!(
            logs.contains("check PAYMENT_PROVIDER, STRIPE_SECRET_KEY"),
            "{logs}"
        );
        assert!(logs.contains(&format!("Stripe answers {status}")), "{logs}");
        assert!(!logs.contains("51secret"), "{logs}");
        assert_eq!(scene.stand_in.captures(), (0, 0), "{status}");
        assert_eq!(scene.settles(&charge_requested(1)).await.outcome, "done");
        assert_eq!(scene.stand_in.captures(), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn a_card_that_is_declined_is_an_outcome_and_says_why_in_the_log() {
    let scene = Scene::troubled(|_| None).await;
    let declined = charge_requested(1).replace("pm_card_visa", "pm_card_chargeDeclined");
    let delivery = captured_logs(async { deliver(&scene.life(), declined).await });
    let (answer, logs) = delivery.await;
    assert_eq!(answer.outcome, "done", "{logs}");
    assert!(logs.contains("generic_decline"), "{logs}");
    assert!(!logs.contains("51secret"), "{logs}");
    assert_eq!(scene.payments().await, ["declined"]);
    assert_eq!(scene.stand_in.captures(), (0, 0));
}

#[tokio::test]
async fn a_refund_that_is_pending_is_no_refund_yet_and_is_asked_about_again() {
    let scene = Scene::troubled(|_| None).await;
    let slow = |event: String| event.replace("pm_card_visa", SLOW_REFUND);
    scene.settles(&slow(charge_requested(1))).await;
    let undo = slow(refund_requested(1));
    let delivery = captured_logs(async { deliver(&scene.life(), undo).await });
    let (answer, logs) = delivery.await;
    assert_eq!(answer.outcome, "done", "{logs}");
    assert_eq!(scene.payments().await, ["captured"]);
    assert!(logs.contains("the refund is pending"), "{logs}");
    scene.stand_in.books().intents[0].refunds = vec!["succeeded"];
    scene.settles(&slow(refund_requested(2))).await;
    assert_eq!(scene.payments().await, ["refunded"]);
}
