//! Whatever goes wrong with calls to Stripe, money moves once or not at all, and what is said of it
//! is so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use payment_service::{Capture, ProviderError, TakenBack};
use proptest::prelude::*;

use crate::keep_books::SLOW_REFUND;
use crate::stand_in::Trouble;
use crate::subject::{Subject, charge, stripe_at, troubled};

/// After so many tries it would be asked for ever: more than there are troubles.
const TRIES: usize = 16;

const TROUBLES: [fn() -> Trouble; 9] = [
    || Trouble::LostBefore,
    || Trouble::LostAfter,
    || Trouble::LostAndForgotten,
    || Trouble::Says(409),
    || Trouble::Says(429),
    || Trouble::Says(500),
    || Trouble::Says(503),
    || Trouble::Fails,
    || Trouble::ActsAndFails,
];

/// Stripe, with these troubles for its first calls.
async fn with(troubles: Vec<Option<usize>>) -> Subject {
    let count = AtomicUsize::new(0);
    troubled(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let trouble = troubles.get(number).copied().flatten();
        trouble.map(|which| TROUBLES[which]())
    })
    .await
}

/// Asks again and again, each time from a process of its own, while Stripe remembers what it said.
async fn settled<T>(
    subject: &Subject,
    call: impl AsyncFn(&dyn payment_service::PaymentProvider) -> Result<T, ProviderError>,
) -> T {
    let stand_in = subject.stripe.as_ref().unwrap();
    for _ in 0..TRIES {
        let process = stripe_at(stand_in, &subject.documents);
        match call(&process).await {
            Ok(answer) => return answer,
            Err(ProviderError::Unavailable(_)) => {}
            Err(error @ (ProviderError::Pending(_) | ProviderError::Refused(_))) => {
                panic!("{error:?}")
            }
        }
    }
    panic!("it is never settled");
}

async fn captured(subject: &Subject) -> Capture {
    let charge = subject.paid();
    settled(subject, async |it| it.capture("key", &charge).await).await
}

async fn taken_back(subject: &Subject) -> TakenBack {
    let charge = subject.paid();
    settled(subject, async |it| {
        it.take_back("key", "undo", &charge).await
    })
    .await
}

/// A capture, and its undo: what is said is what the books say.
async fn hold(subject: &Subject, case: &str) {
    assert_eq!(captured(subject).await, Capture::Captured, "{case}");
    assert_eq!(subject.captures().await, (1, 1), "{case}");
    assert_eq!(captured(subject).await, Capture::Captured, "{case}");
    assert_eq!(taken_back(subject).await, TakenBack::Refunded, "{case}");
    assert_eq!(subject.captures().await, (1, 0), "{case}");
    assert_eq!(captured(subject).await, Capture::Declined, "{case}");
    assert_eq!(taken_back(subject).await, TakenBack::Refunded, "{case}");
    assert_eq!(subject.captures().await, (1, 0), "{case}");
}

/// How many calls a story makes in which nothing goes wrong.
async fn calls(story: impl AsyncFn(&Subject)) -> usize {
    let calm = with(Vec::new()).await;
    story(&calm).await;
    let books = calm.stripe.as_ref().unwrap().books();
    books.calls.len()
}

#[tokio::test]
async fn any_trouble_with_any_call_leaves_one_capture_and_one_refund() {
    let calls = calls(async |it| hold(it, "calm").await).await;
    assert!(calls >= 6, "{calls}");
    for call in 0..calls {
        for (trouble, made) in TROUBLES.iter().enumerate() {
            let mut troubles = vec![None; call];
            troubles.push(Some(trouble));
            let subject = with(troubles).await;
            hold(&subject, &format!("call {call}: {:?}", made())).await;
        }
    }
}

#[tokio::test]
async fn a_failure_that_stripe_repeats_for_a_day_holds_up_no_call_for_as_long() {
    let failures: [fn() -> Trouble; 2] = [|| Trouble::Fails, || Trouble::ActsAndFails];
    for verb in ["payment_intents", "confirm", "refunds", "cancel"] {
        for failure in failures {
            let first = AtomicBool::new(true);
            let subject = troubled(move |call| {
                let is_asked = call.method == "POST" && call.verb() == verb;
                (is_asked && first.swap(false, Ordering::SeqCst)).then(failure)
            })
            .await;
            let case = format!("{verb}: {:?}", failure());
            let charge = subject.declined();
            if verb == "cancel" {
                let capture = subject.provider.capture("key", &charge).await;
                assert_eq!(capture.unwrap(), Capture::Declined, "{case}");
                assert_eq!(taken_back(&subject).await, TakenBack::NothingCaptured);
            } else {
                hold(&subject, &case).await;
            }
        }
    }
}

/// One try that may have captured, and then an undo, which does not know.
#[tokio::test]
async fn an_undo_of_what_is_not_known_leaves_nothing_captured() {
    for call in 0..2 {
        for (trouble, made) in TROUBLES.iter().enumerate() {
            let mut troubles = vec![None; call];
            troubles.push(Some(trouble));
            let subject = with(troubles).await;
            let case = format!("call {call}: {:?}", made());
            let charge = subject.paid();
            // Whatever it says: the undo comes all the same.
            let _ = subject.provider.capture("key", &charge).await;
            let (ever, _) = subject.captures().await;
            let expected = match ever {
                0 => TakenBack::NothingCaptured,
                _ => TakenBack::Refunded,
            };
            assert_eq!(taken_back(&subject).await, expected, "{case}");
            assert_eq!(captured(&subject).await, Capture::Declined, "{case}");
            assert_eq!(subject.captures().await, (ever, 0), "{case}");
        }
    }
}

#[tokio::test]
async fn a_bank_that_takes_its_time_is_waited_for_and_not_asked_again() {
    let subject = with(Vec::new()).await;
    let charge = charge("pm_slow_bank", 500);
    let first = subject.provider.capture("key", &charge).await;
    assert!(
        matches!(first, Err(ProviderError::Unavailable(_))),
        "{first:?}"
    );
    let second = subject.provider.capture("key", &charge).await;
    assert_eq!(second.unwrap(), Capture::Captured);
    assert_eq!(subject.captures().await, (1, 1));
    let books = subject.stripe.as_ref().unwrap().books();
    let confirmed = books.calls.iter().filter(|call| call.verb() == "confirm");
    assert_eq!(confirmed.count(), 1);
}

/// Both within the day in which Stripe repeats what it said at first, and after it.
#[tokio::test]
async fn a_refund_that_is_pending_is_taken_for_what_becomes_of_it() {
    for (end, given_back) in [("succeeded", true), ("failed", false), ("canceled", false)] {
        for forgets in [false, true] {
            let subject = with(Vec::new()).await;
            let (provider, charge) = (&subject.provider, charge(SLOW_REFUND, 500));
            provider.capture("key", &charge).await.unwrap();
            for _ in 0..2 {
                let taken = provider.take_back("key", "undo", &charge).await;
                assert!(matches!(taken, Err(ProviderError::Pending(_))), "{taken:?}");
            }
            let stand_in = subject.stripe.as_ref().unwrap();
            stand_in.books().intents[0].refunds = vec![end];
            if forgets {
                stand_in.forget_keys();
            }
            let taken = provider.take_back("key", "undo", &charge).await;
            let case = format!("{end}, {forgets}: {taken:?}");
            match taken {
                Ok(taken) => assert!(given_back && taken == TakenBack::Refunded, "{case}"),
                Err(error) => {
                    assert!(!given_back, "{case}");
                    let error = fanout_runtime::error_chain(&error);
                    assert!(error.contains("made by hand"), "{error}");
                }
            }
            assert_eq!(stand_in.books().intents[0].refunds, [end], "{case}");
        }
    }
}

#[tokio::test]
async fn what_was_given_back_by_hand_after_a_refund_failed_is_given_back() {
    let subject = with(Vec::new()).await;
    let (provider, charge) = (&subject.provider, charge(SLOW_REFUND, 500));
    provider.capture("key", &charge).await.unwrap();
    let pending = provider.take_back("key", "undo", &charge).await;
    pending.unwrap_err();
    let stand_in = subject.stripe.as_ref().unwrap();
    stand_in.books().intents[0].refunds = vec!["succeeded", "failed"];
    let taken = provider.take_back("key", "undo", &charge).await;
    assert_eq!(taken.unwrap(), TakenBack::Refunded);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn one_capture_and_what_is_said_is_so_whatever_goes_wrong_in_a_row(
        troubles in prop::collection::vec(prop::option::of(0..TROUBLES.len()), 0..14),
        undoes in any::<bool>(),
        asks_first in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let subject = with(troubles).await;
            let charge = subject.paid();
            if asks_first {
                let _ = subject.provider.capture("key", &charge).await;
            }
            if undoes {
                let taken = taken_back(&subject).await;
                let (ever, standing) = subject.captures().await;
                prop_assert_eq!(taken == TakenBack::Refunded, ever == 1);
                prop_assert_eq!(standing, 0);
                prop_assert_eq!(captured(&subject).await, Capture::Declined);
                prop_assert_eq!(subject.captures().await, (ever, 0));
            } else {
                prop_assert_eq!(captured(&subject).await, Capture::Captured);
                prop_assert_eq!(subject.captures().await, (1, 1));
            }
            Ok(())
        })?;
    }
}
