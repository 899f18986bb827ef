//! A mark counts until `expires_at`, whether the store has deleted it by then or not.

use std::time::Duration;

use fanout_dedup::{MarkState, Standing};
use fanout_runtime::Timings;

use super::delivered::outcome_of;
use super::mailbox::{Mailbox, Next};
use super::scene::{Scene, created, seen};

const LIFETIME: Duration = Timings::PRODUCTION.mark_lifetime;
const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_mark_counts_to_its_last_moment_and_not_beyond() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    for (name, app) in [
        ("analytics", scene.analytics()),
        ("email", scene.email(mailbox.clone())),
    ] {
        let event = created("evt_1", "usr_1");
        assert_eq!(outcome_of(&app, &event).await, "done");
        let first = scene.mark(name, "evt_1").await.unwrap();
        scene.clock.advance(LIFETIME - MOMENT);
        assert_eq!(outcome_of(&app, &event).await, "duplicate", "{name}");
        scene.clock.advance(MOMENT);
        assert!(scene.mark(name, "evt_1").await.is_some(), "still stored");
        assert_eq!(outcome_of(&app, &event).await, "done", "{name}");

        let second = scene.mark(name, "evt_1").await.unwrap();
        assert_eq!(second.attempt, 1, "nothing is known of the first");
        assert_eq!(second.finished_at, Some(first.expires_at));
        assert_eq!(second.expires_at, first.expires_at + LIFETIME);
        assert_eq!(outcome_of(&app, &event).await, "duplicate", "{name}");
    }
}

#[tokio::test]
async fn an_id_may_be_used_for_something_else_after_its_mark_has_expired() {
    let scene = Scene::new().await;
    let analytics = scene.analytics();
    let mut other = created("evt_1", "usr_1");
    other["data"]["name"] = "Somebody Else".into();
    assert_eq!(
        outcome_of(&analytics, &created("evt_1", "usr_1")).await,
        "done"
    );
    assert_eq!(outcome_of(&analytics, &other).await, "parked");
    scene.clock.advance(LIFETIME);
    assert_eq!(outcome_of(&analytics, &other).await, "done");
}

#[tokio::test]
async fn a_parked_or_released_mark_that_has_expired_counts_as_absent() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    for (id, next) in [("evt_1", Next::Refused), ("evt_2", Next::SentWithoutAnswer)] {
        mailbox.next(next);
        outcome_of(&email, &created(id, "usr_1")).await;
        scene.clock.advance(LIFETIME);
        let standing = scene.ledger().standing(&seen("email", id)).await.unwrap();
        let Standing::Open(predecessor) = standing else {
            panic!("{id}: {standing:?}");
        };
        assert_eq!(
            (predecessor.attempts, predecessor.may_have_repeated),
            (0, false)
        );
        assert_eq!(outcome_of(&email, &created(id, "usr_1")).await, "done");
        let mark = scene.mark("email", id).await.unwrap();
        assert_eq!((mark.state, mark.attempt), (MarkState::Done, 1));
    }
}
