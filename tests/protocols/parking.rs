//! What will never work is parked with its reason, in the order that loses nothing; and parking is
//! no end.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Plan, StoreEffect, UnitOfWork, View};
use fanout_contracts::user::UserCreated;
use fanout_dedup::MarkState;
use fanout_events::Envelope;
use fanout_testkit::consumer_tests::deliver_as;
use serde_json::Value;

use super::delivered::outcome_of;
use super::mailbox::{Mailbox, Next};
use super::scene::{Scene, created};

/// The same id as [`created`] gives it, and another name in it.
fn another(event_id: &str, user_id: &str) -> Value {
    let mut event = created(event_id, user_id);
    event["data"]["name"] = "Somebody Else".into();
    event
}

#[tokio::test]
async fn a_parked_event_keeps_reason_detail_and_fingerprint() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    mailbox.next(Next::Refused);
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&email, &event).await, "parked");

    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Parked);
    assert_eq!(mark.outcome.as_deref(), Some("mailbox_refused"));
    assert_eq!(mark.detail.as_deref(), Some("no such mailbox"));
    assert_eq!(mark.fingerprint.len(), 64);
    assert_eq!((mark.owner, mark.lease_expires_at), (None, None));
    let letters = scene.dead_letters.take();
    let [letter] = letters.as_slice() else {
        panic!("{} dead letters", letters.len());
    };
    assert_eq!(letter.data, event.to_string());
    assert_eq!(letter.attributes["dead-letter-reason"], "mailbox_refused");
    assert_eq!(letter.attributes["dead-letter-detail"], "no such mailbox");
    assert_eq!(letter.attributes["dead-letter-consumer"], "email");
}

#[tokio::test]
async fn a_parked_mail_that_is_delivered_again_is_tried_again_and_can_succeed() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    for _ in 0..2 {
        mailbox.next(Next::Refused);
        assert_eq!(outcome_of(&email, &event).await, "parked");
        assert_eq!(scene.dead_letters.take().len(), 1);
    }
    assert_eq!(outcome_of(&email, &event).await, "done");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 3));
    assert_eq!((mark.detail, mark.may_have_repeated), (None, false));
    assert_eq!(mailbox.sent().len(), 1);
    assert_eq!(outcome_of(&email, &event).await, "duplicate");
    assert!(scene.dead_letters.take().is_empty());
}

/// Takes no event until it has been repaired.
struct Broken<'a>(&'a AtomicBool);

#[async_trait]
impl StoreEffect<UserCreated> for Broken<'static> {
    async fn plan(&self, _: &Envelope<UserCreated>, _: &View<'_>) -> Result<Plan, Failure> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(Plan::Apply(UnitOfWork::default()));
        }
        Err(Failure::Park {
            reason: "not_yet",
            detail: "this version cannot take it".to_owned(),
        })
    }
}

fn broken(repaired: &'static AtomicBool) -> Consumer {
    Consumer::named("broken").on::<UserCreated>(Broken(repaired))
}

#[tokio::test]
async fn an_event_that_its_effect_in_the_store_parked_can_succeed_after_a_repair() {
    static REPAIRED: AtomicBool = AtomicBool::new(false);
    let scene = Scene::new().await;
    let app = scene.of(broken(&REPAIRED));
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&app, &event).await, "parked");
    assert_eq!(outcome_of(&app, &event).await, "parked");
    assert_eq!(scene.dead_letters.take().len(), 2);
    REPAIRED.store(true, Ordering::Relaxed);
    assert_eq!(outcome_of(&app, &event).await, "done");
    assert_eq!(outcome_of(&app, &event).await, "duplicate");
    let mark = scene.mark("broken", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 3));
}

#[tokio::test]
async fn parking_that_fails_is_503_and_marks_nothing() {
    static REPAIRED: AtomicBool = AtomicBool::new(false);
    let scene = Scene::new().await;
    scene.dead_letters.is_down(true);
    let app = scene.of(broken(&REPAIRED));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "failed");
    let undecodable = deliver_as(&app, "not JSON", "1").await;
    assert_eq!(undecodable.status, 503);
    assert!(scene.marks().await.is_empty());

    scene.dead_letters.is_down(false);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "parked");
    let undecodable = deliver_as(&app, "not JSON", "1").await;
    assert_eq!(undecodable.outcome, "parked");
    assert_eq!(scene.dead_letters.take().len(), 2);
}

#[tokio::test]
async fn parking_that_fails_under_a_claim_gives_the_claim_back() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    scene.dead_letters.is_down(true);
    mailbox.next(Next::Refused);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.outcome), (MarkState::Released, None));
    assert_eq!(outcome_of(&email, &event).await, "done");
    assert!(scene.dead_letters.take().is_empty());
}

#[tokio::test]
async fn another_payload_under_a_known_id_is_parked_each_time_and_the_first_mark_stays() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    for (name, app) in [
        ("analytics", scene.analytics()),
        ("crm", scene.crm()),
        ("email", scene.email(mailbox.clone())),
    ] {
        assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
        let first = scene.mark(name, "evt_1").await.unwrap();
        for _ in 0..2 {
            assert_eq!(outcome_of(&app, &another("evt_1", "usr_1")).await, "parked");
            let letters = scene.dead_letters.take();
            assert_eq!(letters.len(), 1, "{name}");
            assert_eq!(letters[0].attributes["dead-letter-reason"], "id_reused");
            assert_eq!(scene.mark(name, "evt_1").await.unwrap(), first, "{name}");
        }
        assert_eq!(
            outcome_of(&app, &created("evt_1", "usr_1")).await,
            "duplicate"
        );
    }
    assert_eq!(mailbox.sent().len(), 1);
}

#[tokio::test]
async fn another_payload_that_cannot_be_parked_is_503_and_leaves_no_note() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    assert_eq!(outcome_of(&crm, &created("evt_1", "usr_1")).await, "done");
    scene.dead_letters.is_down(true);
    assert_eq!(outcome_of(&crm, &another("evt_1", "usr_1")).await, "failed");
    assert_eq!(scene.marks().await.len(), 1);
}

#[tokio::test]
async fn another_payload_under_the_id_of_a_parked_event_does_not_take_its_place() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    mailbox.next(Next::Refused);
    assert_eq!(
        outcome_of(&email, &created("evt_1", "usr_1")).await,
        "parked"
    );
    assert_eq!(
        outcome_of(&email, &another("evt_1", "usr_1")).await,
        "parked"
    );
    assert!(mailbox.sent().is_empty());
    assert_eq!(outcome_of(&email, &created("evt_1", "usr_1")).await, "done");
}
