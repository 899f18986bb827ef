//! What is kept of mails, and that nothing is kept of the mails of a deleted user, in whatever order
//! and however close together the events come.

use axum::Router;
use email_service::{EMAIL_RECIPIENTS, EMAILS};
use fanout_dedup::MarkState;
use fanout_runtime::Timings;
use fanout_store::{Document, Documents, Key, Query, all_documents};
use fanout_testkit::consumer_tests::deliver_as;
use serde_json::json;

use super::delivered::outcome_of;
use super::mailbox::{Late, Mailbox, Next};
use super::meanwhile::{Meanwhile, Moment};
use super::scene::{Scene, created, deleted};

impl Scene {
    /// The statuses of all records, by event.
    async fn records(&self) -> Vec<(String, String)> {
        let stored = all_documents(self.documents.as_ref(), Query::of(EMAILS)).await;
        let text = |record: &Document, field| record.fields.text(field).unwrap().to_owned();
        let record = |record: &Document| (text(record, "event_id"), text(record, "status"));
        stored.unwrap().iter().map(record).collect()
    }
}

fn record(event_id: &str, status: &str) -> (String, String) {
    (event_id.to_owned(), status.to_owned())
}

/// What comes of a mail during which its user is deleted, and that is then answered so.
async fn outcome_of_one_on_its_way(email: &Router, mailbox: &Mailbox, answer: Late) -> String {
    let late = mailbox.answer_the_next_late();
    let on_its_way = tokio::spawn({
        let email = email.clone();
        async move { outcome_of(&email, &created("evt_1", "usr_1")).await }
    });
    mailbox.has_sent(1).await;
    let gone = deleted("evt_2", "usr_1", 2);
    assert_eq!(outcome_of(email, &gone).await, "done");
    assert!(late.send(answer).is_ok());
    on_its_way.await.unwrap()
}

#[tokio::test]
async fn a_deletion_leaves_no_record_and_a_tombstone_without_personal_data() {
    let scene = Scene::new().await;
    let email = scene.email(Mailbox::new());
    for event in [created("evt_1", "usr_1"), created("evt_2", "usr_1")] {
        assert_eq!(outcome_of(&email, &event).await, "done");
    }
    assert_eq!(outcome_of(&email, &created("evt_3", "usr_2")).await, "done");
    let gone = deleted("evt_4", "usr_1", 2);
    assert_eq!(outcome_of(&email, &gone).await, "done");
    assert_eq!(outcome_of(&email, &gone).await, "duplicate");
    assert_eq!(scene.records().await, [record("evt_3", "sent")]);
    let key = Key::new(EMAIL_RECIPIENTS, "usr_1");
    let tombstone = scene.documents.get(&key).await.unwrap().unwrap();
    let fields: Vec<&str> = tombstone.fields.iter().map(|(name, _)| name).collect();
    assert_eq!(fields, ["deleted_at", "user_id"]);
}

#[tokio::test]
async fn a_sign_up_that_comes_after_the_deletion_is_stale_and_sends_nothing() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let gone = deleted("evt_2", "usr_1", 2);
    assert_eq!(outcome_of(&email, &gone).await, "done");
    let late = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&email, &late).await, "stale");
    assert_eq!(outcome_of(&email, &late).await, "duplicate");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Done);
    assert_eq!(mark.outcome.as_deref(), Some("stale"));
    assert!(mailbox.sent().is_empty());
    assert!(scene.records().await.is_empty());
}

#[tokio::test]
async fn a_mail_that_is_on_its_way_during_the_deletion_leaves_no_record() {
    for (answer, outcome) in [(Late::Sent, "done"), (Late::Refused, "parked")] {
        let scene = Scene::new().await;
        let mailbox = Mailbox::new();
        let email = scene.email(mailbox.clone());
        assert_eq!(
            outcome_of_one_on_its_way(&email, &mailbox, answer).await,
            outcome
        );
        assert!(scene.records().await.is_empty(), "{outcome}");
        // A redrive of what was parked sends nothing either; what was sent is known.
        let again = outcome_of(&email, &created("evt_1", "usr_1")).await;
        assert!(["duplicate", "stale"].contains(&again.as_str()), "{again}");
        assert_eq!(mailbox.sent().len(), 1);
    }
}

#[tokio::test]
async fn record_and_deletion_committed_at_the_same_moment_leave_no_record_in_either_order() {
    let sign_up = created("evt_1", "usr_1");
    let gone = deleted("evt_2", "usr_1", 2);
    for (first, second) in [(&gone, &sign_up), (&sign_up, &gone)] {
        let scene = Scene::new().await;
        let mailbox = Mailbox::new();
        let documents = Meanwhile::new(
            scene.documents.clone(),
            Moment::BeforeACommitTo(EMAIL_RECIPIENTS),
            scene.email(mailbox.clone()),
            first.clone(),
        );
        let email = scene.email_over(documents.clone(), mailbox.clone());
        assert_eq!(outcome_of(&email, second).await, "done");
        assert!(documents.happened());
        assert!(scene.records().await.is_empty(), "{}", first["type"]);
        assert_eq!(mailbox.sent().len(), 1);
    }
}

/// The user has had a mail before. The deletion has read the recipient and the records, or the first
/// of them; then a second mail's record is committed. The recipient must have changed by that, and
/// must have been read first, or the record stays.
#[tokio::test]
async fn a_second_mail_that_is_recorded_during_the_deletion_leaves_no_record_either() {
    for moment in [
        Moment::BeforeACommitTo(EMAIL_RECIPIENTS),
        Moment::AfterTheFirstRead,
    ] {
        let scene = Scene::new().await;
        let mailbox = Mailbox::new();
        let email = scene.email(mailbox.clone());
        let first = created("evt_1", "usr_1");
        assert_eq!(outcome_of(&email, &first).await, "done");
        let second = created("evt_2", "usr_1");
        let documents = Meanwhile::new(scene.documents.clone(), moment, email, second);
        let deleting = scene.email_over(documents.clone(), mailbox.clone());
        let gone = deleted("evt_3", "usr_1", 2);
        assert_eq!(outcome_of(&deleting, &gone).await, "done");
        assert!(documents.happened());
        assert_eq!(mailbox.sent().len(), 2);
        assert!(scene.records().await.is_empty());
    }
}

#[tokio::test]
async fn a_mail_that_a_crash_left_unrecorded_is_not_sent_again_to_a_deleted_user() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let _never = mailbox.answer_the_next_late();
    let dying = tokio::spawn({
        let email = email.clone();
        async move { outcome_of(&email, &created("evt_1", "usr_1")).await }
    });
    mailbox.has_sent(1).await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    let gone = deleted("evt_2", "usr_1", 2);
    assert_eq!(outcome_of(&email, &gone).await, "done");
    scene.clock.advance(Timings::PRODUCTION.lease);
    let again = outcome_of(&email, &created("evt_1", "usr_1")).await;
    assert_eq!(again, "stale");
    assert_eq!(mailbox.sent().len(), 1);
    assert!(scene.records().await.is_empty());
}

/// Other mails do not wait for it, and would be lost without an address.
#[tokio::test]
async fn where_a_user_s_mails_go_is_known_before_the_first_could_be_sent() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let key = Key::new(EMAIL_RECIPIENTS, "usr_1");
    let recipient = async || {
        let stored = scene.documents.get(&key).await.unwrap().unwrap();
        let email = stored.fields.text("email").map(str::to_owned);
        (stored.update_time, email.unwrap())
    };
    mailbox.next(Next::NotSent);
    let sign_up = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&email, &sign_up).await, "failed");
    let told = recipient().await;
    assert_eq!(told.1, sign_up["data"]["email"]);
    mailbox.next(Next::NotSent);
    assert_eq!(outcome_of(&email, &sign_up).await, "failed");
    assert_eq!(recipient().await, told, "once is enough");
    assert!(scene.records().await.is_empty());
    assert_eq!(outcome_of(&email, &sign_up).await, "done");
    assert_eq!(scene.records().await, [record("evt_1", "sent")]);
}

/// It is deleted while the mail server is asked, and the mail is not sent.
#[tokio::test]
async fn where_mails_go_is_not_learned_of_a_user_who_is_gone() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let came = outcome_of_one_on_its_way(&email, &mailbox, Late::NotSent).await;
    assert_eq!(came, "failed");
    let key = Key::new(EMAIL_RECIPIENTS, "usr_1");
    let tombstone = scene.documents.get(&key).await.unwrap().unwrap();
    assert_eq!(tombstone.fields.get("email"), None);
}

#[tokio::test]
async fn what_is_typed_by_hand_follows_the_same_rule() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let typed = json!({"userId": "test-123", "email": "manual@test.com", "name": "Manual Test", "event": "user.created"});
    let type_it = async |message_id| {
        deliver_as(&email, typed.to_string(), message_id)
            .await
            .outcome
    };
    for message_id in ["1", "2"] {
        assert_eq!(type_it(message_id).await, "done");
    }
    let both = [record("msg_1_0", "sent"), record("msg_2_0", "sent")];
    let mut records = scene.records().await;
    records.sort();
    assert_eq!(records, both);
    let gone = deleted("evt_1", "test-123", 1);
    assert_eq!(outcome_of(&email, &gone).await, "done");
    assert!(scene.records().await.is_empty());
    assert_eq!(type_it("3").await, "stale");
    assert_eq!(mailbox.sent().len(), 2);
    assert!(scene.records().await.is_empty());
}

#[tokio::test]
async fn a_refused_mail_is_recorded_as_failed_until_a_redrive_succeeds() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    for _ in 0..2 {
        mailbox.next(Next::Refused);
        assert_eq!(outcome_of(&email, &event).await, "parked");
        assert_eq!(scene.records().await, [record("evt_1", "failed")]);
    }
    assert_eq!(outcome_of(&email, &event).await, "done");
    assert_eq!(scene.records().await, [record("evt_1", "sent")]);
}

#[tokio::test]
async fn a_refused_mail_is_parked_and_recorded_in_one_commit_or_neither() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email(mailbox.clone());
    let event = created("evt_1", "usr_1");
    scene.dead_letters.is_down(true);
    mailbox.next(Next::Refused);
    assert_eq!(outcome_of(&email, &event).await, "failed");
    assert!(scene.records().await.is_empty());
    scene.dead_letters.is_down(false);
    mailbox.next(Next::Refused);
    scene.documents.take_calls();
    assert_eq!(outcome_of(&email, &event).await, "parked");
    // The claim is refused, read and made; then mark and record at once, and again: they did not expect
    // that the failed try has told of the recipient.
    assert_eq!(scene.documents.take_calls().commits, 4);
    assert_eq!(scene.records().await, [record("evt_1", "failed")]);
}
