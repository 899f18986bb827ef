//! No event id can break a key, meet another event's mark, or get lost.

use std::collections::HashSet;

use fanout_dedup::{MarkState, PROCESSED_EVENTS};
use fanout_events::{Received, decode};
use fanout_runtime::Timestamp;
use fanout_testkit::consumer_tests::deliver_as;
use serde_json::Value;

use super::delivered::outcome_of;
use super::mailbox::Mailbox;
use super::scene::{Scene, created, seen};

/// Identifiers that a store, a file name or a key might stumble over.
fn odd_ids() -> Vec<String> {
    let odd = [
        "/", "a/b/c", "../..", ".", "..", "__x__", "__id7__", "h_00", "crm:evt", "null", "-",
    ];
    let longest = "x".repeat(128);
    odd.map(str::to_owned)
        .into_iter()
        .chain([longest])
        .collect()
}

/// Texts that name nothing.
fn unusable_ids() -> Vec<String> {
    let unusable = [
        " ",
        "\0",
        "\n",
        "a\u{7f}b\u{1b}",
        "evt_é",
        "🦀",
        "%2F",
        "'; --",
        "ada@example.com",
    ];
    let long = ["x".repeat(129), "é".repeat(1024)];
    unusable
        .map(str::to_owned)
        .into_iter()
        .chain(long)
        .collect()
}

#[tokio::test]
async fn every_id_is_done_once_and_a_duplicate_after() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let apps = [scene.analytics(), scene.crm(), scene.email(mailbox.clone())];
    for (number, id) in odd_ids().iter().enumerate() {
        let event = created(id, &format!("usr_{number}"));
        for app in &apps {
            assert_eq!(outcome_of(app, &event).await, "done", "{id:?}");
            assert_eq!(outcome_of(app, &event).await, "duplicate", "{id:?}");
        }
        let mark = scene.mark("crm", id).await.unwrap();
        assert_eq!(&mark.event_id, id);
    }
    let mails: HashSet<String> = mailbox.sent().into_iter().collect();
    assert_eq!(mails.len(), odd_ids().len(), "a mail of its own for each");
    assert_eq!(scene.marks().await.len(), 3 * odd_ids().len());
}

#[tokio::test]
async fn every_subject_has_a_contact_of_its_own() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    for (number, subject) in odd_ids().iter().enumerate() {
        let event = created(&format!("evt_{number}"), subject);
        assert_eq!(outcome_of(&crm, &event).await, "done", "{subject:?}");
    }
    assert_eq!(
        scene.documents.writes_to(crm_service::CONTACTS),
        odd_ids().len()
    );
}

#[tokio::test]
async fn an_event_whose_id_or_subject_names_nothing_is_parked_under_its_messages_id() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let apps = [scene.analytics(), scene.crm(), scene.email(mailbox.clone())];
    for (number, text) in unusable_ids().iter().enumerate() {
        let events = [created(text, "usr_1"), created("evt_1", text)];
        for (event, field) in events.iter().zip(["id", "subject"]) {
            let message_id = format!("{number}-{field}");
            for app in &apps {
                let answer = deliver_as(app, event.to_string(), &message_id).await;
                assert_eq!(answer.outcome, "parked", "{text:?}");
                let letters = scene.dead_letters.take();
                assert_eq!(letters.len(), 1);
                let detail = &letters[0].attributes["dead-letter-detail"];
                assert!(detail.contains(&format!(": {field} must have")), "{detail}");
            }
            let mark = scene.mark("crm", &format!("msg_{message_id}_0")).await;
            assert_eq!(mark.unwrap().state, MarkState::Parked);
        }
    }
    assert!(mailbox.sent().is_empty());
    assert_eq!(scene.documents.writes_to(crm_service::CONTACTS), 0);
}

#[test]
fn a_key_is_the_consumer_and_a_digest_whatever_the_id() {
    let ids = [odd_ids(), unusable_ids(), vec![String::new()]].concat();
    for id in &ids {
        let key = seen("crm", id).key();
        assert!(key.is_in(PROCESSED_EVENTS));
        let digest = key.id().strip_prefix("crm:").unwrap();
        assert_eq!(digest.len(), 64, "{id:?}");
        assert!(
            digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id:?}"
        );
    }
}

#[tokio::test]
async fn an_event_without_an_id_is_parked_under_its_messages_id() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    let mut absent = created("", "usr_1");
    absent.as_object_mut().unwrap().remove("id");
    let mut wrong = created("", "usr_1");
    wrong["id"] = 7.into();
    for (message_id, event) in [("1", created("", "usr_1")), ("2", absent), ("3", wrong)] {
        let answer = deliver_as(&crm, event.to_string(), message_id).await;
        assert_eq!(answer.outcome, "parked");
        let letters = scene.dead_letters.take();
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].attributes["dead-letter-reason"], "invalid");
        let mark = scene
            .mark("crm", &format!("msg_{message_id}_0"))
            .await
            .unwrap();
        assert_eq!(mark.state, MarkState::Parked);
    }
    assert_eq!(scene.marks().await.len(), 3);
}

/// The note that an id was reused lies beside the mark, and no id leads to it.
#[tokio::test]
async fn no_event_id_leads_to_the_note_of_a_reused_id() {
    let scene = Scene::new().await;
    let analytics = scene.analytics();
    let first = created("evt_1", "usr_1");
    let mut second = created("evt_1", "usr_1");
    second["data"]["name"] = "Somebody Else".into();
    // Ids that name the note: by its parts, as they were ever put together.
    let fingerprint = fingerprint_of(&second);
    let crafted = [".", ":", "/", ""].map(|between| format!("evt_1{between}{fingerprint}"));
    for id in &crafted {
        assert_eq!(outcome_of(&analytics, &created(id, "usr_2")).await, "done");
    }
    assert_eq!(outcome_of(&analytics, &first).await, "done");
    assert_eq!(outcome_of(&analytics, &second).await, "parked");
    for id in &crafted {
        let event = created(id, "usr_2");
        assert_eq!(outcome_of(&analytics, &event).await, "duplicate", "{id:?}");
    }
}

fn fingerprint_of(event: &Value) -> String {
    let data = event.to_string();
    let received = Received {
        data: data.as_bytes(),
        message_id: "1",
        publish_time: Timestamp::UNIX_EPOCH,
    };
    decode(&received).unwrap().fingerprint.to_string()
}
