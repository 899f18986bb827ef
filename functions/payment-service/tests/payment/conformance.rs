//! What every payment provider keeps, whoever moves the money.

use std::sync::Arc;

use fanout_contracts::{Currency, Money};
use payment_service::{Capture, Charge, TakenBack};
use tokio::task::JoinSet;

use crate::subject::{all, answered};

#[tokio::test]
async fn a_key_captures_once_and_answers_the_same_again() {
    for subject in all().await {
        for _ in 0..3 {
            let capture = subject.provider.capture("key_1", &subject.paid()).await;
            assert_eq!(capture.unwrap(), Capture::Captured, "{}", subject.name);
        }
        assert_eq!(subject.captures().await, (1, 1), "{}", subject.name);
    }
}

#[tokio::test]
async fn two_keys_are_two_charges() {
    for subject in all().await {
        for key in ["key_1", "key_2"] {
            let capture = subject.provider.capture(key, &subject.paid()).await;
            assert_eq!(capture.unwrap(), Capture::Captured, "{}", subject.name);
        }
        assert_eq!(subject.captures().await, (2, 2), "{}", subject.name);
    }
}

#[tokio::test]
async fn what_is_declined_stays_declined_and_there_is_nothing_to_take_back() {
    for subject in all().await {
        let charge = subject.declined();
        for _ in 0..2 {
            let capture = subject.provider.capture("key_1", &charge).await;
            assert_eq!(capture.unwrap(), Capture::Declined, "{}", subject.name);
        }
        let taken = subject.provider.take_back("key_1", "undo_1", &charge).await;
        assert_eq!(
            taken.unwrap(),
            TakenBack::NothingCaptured,
            "{}",
            subject.name
        );
        assert_eq!(subject.captures().await, (0, 0), "{}", subject.name);
    }
}

#[tokio::test]
async fn a_method_that_there_is_not_is_declined() {
    for subject in all().await {
        let charge = Charge {
            method: "no_such_method".to_owned(),
            ..subject.paid()
        };
        let capture = subject.provider.capture("key_1", &charge).await;
        assert_eq!(capture.unwrap(), Capture::Declined, "{}", subject.name);
        assert_eq!(subject.captures().await, (0, 0), "{}", subject.name);
    }
}

#[tokio::test]
async fn what_was_captured_goes_back_once_and_is_not_captured_again() {
    for subject in all().await {
        let (provider, charge) = (&subject.provider, subject.paid());
        provider.capture("key_1", &charge).await.unwrap();
        for _ in 0..2 {
            let taken = provider.take_back("key_1", "undo_1", &charge).await;
            assert_eq!(taken.unwrap(), TakenBack::Refunded, "{}", subject.name);
        }
        let late = provider.capture("key_1", &charge).await.unwrap();
        assert_eq!(late, Capture::Declined, "{}", subject.name);
        assert_eq!(subject.captures().await, (1, 0), "{}", subject.name);
    }
}

#[tokio::test]
async fn taken_back_before_it_was_captured_it_never_is() {
    for subject in all().await {
        let (provider, charge) = (&subject.provider, subject.paid());
        for _ in 0..2 {
            let taken = provider.take_back("key_1", "undo_1", &charge).await;
            assert_eq!(
                taken.unwrap(),
                TakenBack::NothingCaptured,
                "{}",
                subject.name
            );
        }
        let late = provider.capture("key_1", &charge).await.unwrap();
        assert_eq!(late, Capture::Declined, "{}", subject.name);
        assert_eq!(subject.captures().await, (0, 0), "{}", subject.name);
    }
}

#[tokio::test]
async fn many_at_once_under_one_key_capture_once() {
    for subject in all().await {
        let mut calls = JoinSet::new();
        for _ in 0..8 {
            let (provider, charge) = (Arc::clone(&subject.provider), subject.paid());
            calls.spawn(async move { answered(|| provider.capture("key_1", &charge)).await });
        }
        let answers = calls.join_all().await;
        assert_eq!(answers, [Capture::Captured; 8], "{}", subject.name);
        assert_eq!(subject.captures().await, (1, 1), "{}", subject.name);
    }
}

#[tokio::test]
async fn an_undo_beside_captures_leaves_nothing_captured() {
    for subject in all().await {
        let mut calls = JoinSet::new();
        for number in 0..8 {
            let (provider, charge) = (Arc::clone(&subject.provider), subject.paid());
            calls.spawn(async move {
                if number == 4 {
                    answered(|| provider.take_back("key_1", "undo_1", &charge)).await;
                } else {
                    answered(|| provider.capture("key_1", &charge)).await;
                }
            });
        }
        calls.join_all().await;
        let (ever, standing) = subject.captures().await;
        assert!(
            ever <= 1 && standing == 0,
            "{}: {ever} {standing}",
            subject.name
        );
    }
}

/// What Stripe was asked for and captured, for each of these amounts; `None` where it was declined.
async fn asked_of_stripe(amounts: &[(&str, &str)]) -> Vec<Option<String>> {
    let [_, stripe] = all().await;
    let mut asked = Vec::new();
    for (number, (text, currency)) in amounts.iter().enumerate() {
        let currency: Currency = currency.parse().unwrap();
        let charge = Charge {
            amount: Money::parse(text, currency).unwrap(),
            ..stripe.paid()
        };
        let key = format!("key_{number}");
        let capture = stripe.provider.capture(&key, &charge).await.unwrap();
        let books = stripe.stripe.as_ref().unwrap().books();
        asked.push(match capture {
            Capture::Captured => books.intents.last().map(|it| it.form["amount"].clone()),
            Capture::Declined => None,
        });
    }
    asked
}

#[tokio::test]
async fn amounts_are_in_the_unit_in_which_stripe_counts_their_currency() {
    let amounts = [
        ("19.99", "USD"),
        ("700", "JPY"),
        ("500", "ISK"),
        ("500", "UGX"),
        ("500.00", "MGA"),
        ("9.99", "HUF"),
        ("1.230", "KWD"),
    ];
    let units = ["1999", "700", "50000", "50000", "500", "999", "1230"];
    let units = units.map(|it| Some(it.to_owned()));
    assert_eq!(asked_of_stripe(&amounts).await, units);
}

#[tokio::test]
async fn an_amount_of_which_stripe_has_no_such_part_is_declined() {
    let amounts = [("1.234", "KWD"), ("0.001", "TND"), ("500.20", "MGA")];
    assert_eq!(asked_of_stripe(&amounts).await, [None, None, None]);
}
