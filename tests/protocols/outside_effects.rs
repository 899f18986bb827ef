//! Effects outside the store: claim, act, complete; released on failure, taken over after a crash.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use fanout_dedup::MarkState;
use fanout_runtime::Timings;
use fanout_testkit::PortCalls;
use fanout_testkit::consumer_tests::{deliver, deliver_as};
use serde_json::Value;

use super::delivered::{outcome_of, redriven};
use super::mailbox::{Mailbox, Next};
use super::scene::{Scene, created};

const LEASE: Duration = Timings::PRODUCTION.lease;

/// An email service with its mailbox, and what it is to send a mail for.
async fn mailing() -> (Scene, Arc<Mailbox>, Router, Value) {
    let (scene, mailbox) = (Scene::new().await, Mailbox::new());
    let email = scene.email(mailbox.clone());
    (scene, mailbox, email, created("evt_1", "usr_1"))
}

#[tokio::test]
async fn the_usual_mail_costs_one_read_and_two_commits_and_a_duplicate_one_of_each() {
    let scene = Scene::new().await;
    let email = scene.email(Mailbox::new());
    let event = created("evt_1", "usr_1");
    let costs = |gets, commits| PortCalls {
        gets,
        queries: 0,
        commits,
    };
    assert_eq!(outcome_of(&email, &event).await, "done");
    assert_eq!(scene.documents.take_calls(), costs(1, 2));
    assert_eq!(outcome_of(&email, &event).await, "duplicate");
    assert_eq!(scene.documents.take_calls(), costs(1, 1));
}

#[tokio::test]
async fn a_live_lease_is_answered_429_with_the_time_that_remains() {
    let (scene, mailbox, email, event) = mailing().await;
    let _never = mailbox.answer_the_next_late();
    let _at_work = tokio::spawn({
        let (email, event) = (email.clone(), event.clone());
        async move { outcome_of(&email, &event).await }
    });
    mailbox.has_sent(1).await;

    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Processing);
    assert!(mark.owner.is_some());
    let began = mark.lease_expires_at.unwrap() - Timings::PRODUCTION.lease;
    let passed = [0, 1, 40_500, 59_999].map(Duration::from_millis);
    for (passed, seconds) in passed.into_iter().zip([60, 60, 20, 1]) {
        scene.clock.set(began + passed);
        let answer = deliver(&email, event.to_string()).await;
        assert_eq!(answer.status, 429, "{passed:?}");
        assert_eq!(answer.outcome, "busy");
        let wait = Duration::from_secs(seconds);
        assert_eq!(answer.retry_after, Some(wait), "{passed:?}");
    }
    assert_eq!(mailbox.sent().len(), 1);
}

#[tokio::test]
async fn a_failure_releases_the_claim_at_once() {
    let (scene, mailbox, email, event) = mailing().await;
    mailbox.next(Next::NotSent);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Released);
    assert_eq!((mark.owner, mark.lease_expires_at), (None, None));

    // No time has passed.
    assert_eq!(outcome_of(&email, &event).await, "done");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 2));
    assert!(!mark.may_have_repeated, "nothing had happened");
    assert_eq!(mailbox.sent().len(), 1);
}

#[tokio::test]
async fn a_failure_that_may_have_acted_is_remembered_as_a_possible_repeat() {
    let (scene, mailbox, email, event) = mailing().await;
    mailbox.next(Next::SentWithoutAnswer);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    // It does not get lost when a later try fails before it acts.
    mailbox.next(Next::NotSent);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    assert_eq!(outcome_of(&email, &event).await, "done");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 3));
    assert!(mark.may_have_repeated);
    assert_eq!(mailbox.sent().len(), 2);
    assert_eq!(mailbox.sent()[0], mailbox.sent()[1], "one idempotency key");
}

#[tokio::test]
async fn a_handler_beyond_its_budget_is_ended_and_its_claim_released() {
    let scene = Scene::with_timings(Timings {
        handler_budget: Duration::from_secs(1),
        ..Timings::PRODUCTION
    });
    let scene = scene.await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    let _never = mailbox.answer_the_next_late();
    assert_eq!(outcome_of(&email, &event).await, "failed");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Released);
    assert!(mark.may_have_repeated, "the mail may have been on its way");
}

#[tokio::test]
async fn a_crash_between_act_and_mark_is_taken_over_after_the_lease_and_says_so() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let event = created("evt_1", "usr_1");
    let _never = mailbox.answer_the_next_late();
    let dying = tokio::spawn({
        let (email, event) = (scene.email(mailbox.clone()), event.clone());
        async move { outcome_of(&email, &event).await }
    });
    mailbox.has_sent(1).await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());

    let email = scene.email(mailbox.clone());
    scene.clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(outcome_of(&email, &event).await, "busy");
    scene.clock.advance(Duration::from_millis(1));
    assert_eq!(outcome_of(&email, &event).await, "done");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 2));
    assert!(mark.may_have_repeated);
    assert_eq!(mailbox.sent().len(), 2);
    assert_eq!(outcome_of(&email, &event).await, "duplicate");
    assert_eq!(mailbox.sent().len(), 2);
}

/// Neither lived to say whether it had sent the mail: an operator decides about a third.
#[tokio::test]
async fn after_two_tries_that_died_the_mail_is_parked_unsent() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let event = created("evt_1", "usr_1");
    for tries in [1, 2] {
        let _never = mailbox.answer_the_next_late();
        let dying = tokio::spawn({
            let (email, event) = (scene.email(mailbox.clone()), event.clone());
            async move { outcome_of(&email, &event).await }
        });
        mailbox.has_sent(tries).await;
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        scene.clock.advance(LEASE);
    }
    let email = scene.email(mailbox.clone());
    assert_eq!(outcome_of(&email, &event).await, "parked");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.outcome.as_deref(), Some("outcome_unknown"));
    assert_eq!(outcome_of(&email, &event).await, "parked", "by nobody");
    assert_eq!(mailbox.sent().len(), 2);
    assert_eq!(redriven(&email, &event).await, "done", "it was decided so");
    assert_eq!(mailbox.sent().len(), 3);
}

/// The attempts of the bus can be over before the event is parked: the letter is an operator's all the
/// same.
#[tokio::test]
async fn a_redrive_sends_the_mail_whatever_state_two_tries_left() {
    let (scene, mailbox, email, event) = mailing().await;
    mailbox.next(Next::SentWithoutAnswer);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    scene.dead_letters.is_down(true);
    mailbox.next(Next::SentWithoutAnswer);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    scene.dead_letters.is_down(false);
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.unanswered), (MarkState::Released, 2));
    assert_eq!(redriven(&email, &event).await, "done");
    assert_eq!(mailbox.sent().len(), 3);
}

/// The event is parked, and the ack does not come in time: nobody has seen the letter.
#[tokio::test]
async fn a_parked_mail_that_is_delivered_again_is_not_sent_a_third_time() {
    let (_, mailbox, email, event) = mailing().await;
    for outcome in ["failed", "parked"] {
        mailbox.next(Next::SentWithoutAnswer);
        let answer = deliver_as(&email, event.to_string(), "1").await;
        assert_eq!(answer.outcome, outcome);
    }
    for message_id in ["1", "2"] {
        let answer = deliver_as(&email, event.to_string(), message_id).await;
        assert_eq!(answer.outcome, "parked");
    }
    assert_eq!(mailbox.sent().len(), 2);
    assert_eq!(redriven(&email, &event).await, "done");
    assert_eq!(mailbox.sent().len(), 3);
}

/// Refused for good is an answer: that the letter could not be parked makes it no other.
#[tokio::test]
async fn a_refusal_that_could_not_be_parked_is_asked_for_again() {
    let (scene, mailbox, email, event) = mailing().await;
    mailbox.next(Next::SentWithoutAnswer);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    scene.dead_letters.is_down(true);
    mailbox.next(Next::Refused);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    scene.dead_letters.is_down(false);
    mailbox.next(Next::Refused);
    assert_eq!(outcome_of(&email, &event).await, "parked");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.outcome.as_deref(), Some("mailbox_refused"));
}
