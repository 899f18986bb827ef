//! Whoever comes back after its lease has ended can change nothing any more.

use axum::Router;
use fanout_dedup::{Claim, Ledger, LedgerError, MarkState, Parking, Standing};
use fanout_runtime::Timings;
use fanout_store::Key;
use fanout_store::{Documents, Fields, Write};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::delivered::outcome_of;
use super::mailbox::{Late, Mailbox};
use super::scene::{Scene, created, seen};

/// A delivery that has sent its mail and waits for the provider's answer.
struct AtWork {
    answer: oneshot::Sender<Late>,
    outcome: JoinHandle<String>,
}

impl AtWork {
    async fn begin(email: &Router, mailbox: &Mailbox, event: &Value) -> Self {
        let sent = mailbox.sent().len();
        let answer = mailbox.answer_the_next_late();
        let (email, event) = (email.clone(), event.clone());
        let outcome = tokio::spawn(async move { outcome_of(&email, &event).await });
        mailbox.has_sent(sent + 1).await;
        Self { answer, outcome }
    }

    async fn ends(self, with: Late) -> String {
        assert!(self.answer.send(with).is_ok());
        self.outcome.await.unwrap()
    }
}

#[tokio::test]
async fn a_late_owner_is_not_acked_and_leaves_the_mark_of_its_successor() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    let late = AtWork::begin(&email, &mailbox, &event).await;
    scene.clock.advance(Timings::PRODUCTION.lease);
    assert_eq!(outcome_of(&email, &event).await, "done");
    let done = scene.mark("email", "evt_1").await.unwrap();
    assert!(done.may_have_repeated);

    assert_eq!(late.ends(Late::Sent).await, "failed");
    assert_eq!(scene.mark("email", "evt_1").await.unwrap(), done);
    assert_eq!(mailbox.sent().len(), 2);
    // Delivered again because it was not acked.
    assert_eq!(outcome_of(&email, &event).await, "duplicate");
}

#[tokio::test]
async fn a_late_owner_cannot_end_the_claim_of_a_successor_that_is_at_work() {
    for end in [Late::Sent, Late::NotSent] {
        let scene = Scene::new().await;
        let mailbox = Mailbox::new();
        let email = scene.email(mailbox.clone());
        let event = created("evt_1", "usr_1");
        let late = AtWork::begin(&email, &mailbox, &event).await;
        scene.clock.advance(Timings::PRODUCTION.lease);
        let successor = AtWork::begin(&email, &mailbox, &event).await;
        let held = scene.mark("email", "evt_1").await.unwrap();

        assert_eq!(late.ends(end).await, "failed");
        assert_eq!(scene.mark("email", "evt_1").await.unwrap(), held);
        assert_eq!(outcome_of(&email, &event).await, "busy", "still held");
        assert_eq!(successor.ends(Late::Sent).await, "done");
    }
}

#[tokio::test]
async fn a_late_owner_that_parks_leaves_the_letter_and_not_the_mark() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    let late = AtWork::begin(&email, &mailbox, &event).await;
    scene.clock.advance(Timings::PRODUCTION.lease);
    assert_eq!(outcome_of(&email, &event).await, "done");

    // The letter is durable, so that the ack loses nothing; a redrive of it is a duplicate.
    assert_eq!(late.ends(Late::Refused).await, "parked");
    assert_eq!(scene.dead_letters.take().len(), 1);
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Done);
    assert_eq!(outcome_of(&email, &event).await, "duplicate");
}

#[tokio::test]
async fn complete_release_and_park_of_a_late_owner_are_fenced_and_write_nothing() {
    let scene = Scene::new().await;
    let (ours, theirs) = (scene.ledger(), scene.ledger());
    let late = granted(&ours).await;
    assert_eq!(late.mark.attempt, 1);
    assert!(!late.mark.may_have_repeated);
    let held = theirs.claim(&seen("email", "evt_1"), &[]).await.unwrap();
    assert!(matches!(held, Standing::Held { .. }), "{held:?}");

    scene.clock.advance(Timings::PRODUCTION.lease);
    let taken = granted(&theirs).await;
    assert_eq!(taken.mark.attempt, 2);
    assert!(taken.mark.may_have_repeated);

    let record = || Write::set(Key::new(email_service::EMAILS, "evt_1"), Fields::new());
    let parking = Parking {
        message_id: "1",
        reason: "refused",
        detail: "never mind",
    };
    let commit = async |mark: Write| {
        let key = mark.key.clone();
        let committed = scene.documents.commit(vec![mark, record()]).await;
        committed
            .map(drop)
            .map_err(|error| LedgerError::of(error, &key))
    };
    fenced(commit(ours.completed(&late, "done")).await);
    fenced(ours.release(&late, true, Vec::new()).await);
    fenced(commit(ours.parked(&late, parking)).await);
    let emails = scene
        .documents
        .get(&Key::new(email_service::EMAILS, "evt_1"))
        .await;
    assert_eq!(emails.unwrap(), None);

    commit(theirs.completed(&taken, "done")).await.unwrap();
    fenced(commit(ours.completed(&late, "done")).await);
    fenced(commit(theirs.completed(&taken, "done")).await);
    let again = ours.claim(&seen("email", "evt_1"), &[]).await.unwrap();
    assert!(matches!(again, Standing::Done), "{again:?}");
}

async fn granted(ledger: &Ledger) -> Box<Claim> {
    match ledger.claim(&seen("email", "evt_1"), &[]).await.unwrap() {
        Standing::Open(claim) => claim,
        other @ (Standing::Done | Standing::Held { .. } | Standing::Reused) => {
            panic!("not granted: {other:?}")
        }
    }
}

fn fenced(answer: Result<(), LedgerError>) {
    assert!(matches!(answer, Err(LedgerError::Fenced)), "{answer:?}");
}
