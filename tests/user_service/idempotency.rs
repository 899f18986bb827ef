//! `Idempotency-Key`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use fanout_web::IDEMPOTENCY_KEYS;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use user_service::USERS;

use super::service::{Answer, Service};

const KEY: &str = "8a5d1c1e-6f0b-4f1c-9a53-0d4a3a8f6f0e";

async fn sign_up(service: &Service, key: &str, body: &Value) -> Answer {
    let headers = [("idempotency-key", key)];
    service.send(Method::POST, "/users", &headers, body).await
}

fn ada() -> Value {
    json!({"email": "Ada@example.com", "name": "Ada"})
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_again() {
    let service = Service::new().await;
    let mut first = sign_up(&service, KEY, &ada()).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let id = first.body["id"].as_str().unwrap().to_owned();
    service.outbox.drain().await;
    // Whatever happens to the user meanwhile.
    service.clock.advance(Duration::from_secs(3600));
    service.patch(&id, &json!({"name": "Changed"})).await;
    service.outbox.drain().await;
    let mut again = sign_up(&service, KEY, &ada()).await;
    first.headers.remove("x-request-id");
    again.headers.remove("x-request-id");
    assert_eq!(again, first);
    // Formatted in another way, with a field that is not ours.
    let json = [
        ("content-type", "application/json"),
        ("idempotency-key", KEY),
    ];
    let body = "{\"name\":\"Ada\", \"x\":1,\n\"email\":\"Ada@example.com\"}";
    let again = service.call(Method::POST, "/users", &json, body).await;
    assert_eq!(
        (again.status, again.body),
        (first.status, first.body.clone())
    );
    service.delete(&id).await;
    let again = sign_up(&service, KEY, &ada()).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    assert_eq!(service.bus.sequences()[&id], [1, 2, 3]);
    assert_eq!(service.stored(USERS).await.len(), 1);
}

#[tokio::test]
async fn another_request_under_a_used_key_is_refused() {
    let service = Service::new().await;
    sign_up(&service, KEY, &ada()).await;
    for body in [
        json!({"email": "eve@example.com", "name": "Ada"}),
        json!({"email": "Ada@example.com", "name": "Eve"}),
        json!({"email": "ada@example.com", "name": "Ada"}),
        // The same letters one after the other.
        json!({"email": "Ada@example.co", "name": "mAda"}),
    ] {
        let answer = sign_up(&service, KEY, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(answer.body, @r#"
            {
              "detail": "A request with other fields was done under this key. Use a new key for each new request.",
              "status": 422,
              "title": "The Idempotency-Key belongs to another request",
              "type": "idempotency_key_reused"
            }
            "#);
        }
    }
    let other_key = sign_up(&service, "another key", &ada()).await;
    assert_eq!(other_key.body["type"], "email_taken");
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_though_its_record_is_still_there() {
    let service = Service::new().await;
    sign_up(&service, KEY, &ada()).await;
    let eve = json!({"email": "eve@example.com", "name": "Eve"});
    service
        .clock
        .advance(Duration::from_millis(24 * 3_600_000 - 1));
    assert_eq!(
        sign_up(&service, KEY, &eve).await.body["type"],
        "idempotency_key_reused"
    );
    service.clock.advance(Duration::from_millis(1));
    let taken = sign_up(&service, KEY, &ada()).await;
    assert_eq!(taken.body["type"], "email_taken");
    let second = sign_up(&service, KEY, &eve).await;
    assert_eq!(second.status, StatusCode::CREATED);
    assert_eq!(sign_up(&service, KEY, &eve).await.body, second.body);
    assert_eq!(service.stored(IDEMPOTENCY_KEYS).await.len(), 1);
}

#[tokio::test]
async fn what_was_refused_is_judged_anew() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    assert_eq!(
        sign_up(&service, KEY, &ada()).await.body["type"],
        "email_taken"
    );
    assert!(service.stored(IDEMPOTENCY_KEYS).await.is_empty());
    service.delete(&user).await;
    assert_eq!(
        sign_up(&service, KEY, &ada()).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_key_has_1_to_255_printable_ascii_characters() {
    let service = Service::new().await;
    let longest = "k".repeat(255);
    for (number, good) in [longest.as_str(), "!", "a key ~"].iter().enumerate() {
        let body = json!({"email": format!("user{number}@example.com"), "name": "Ada"});
        let answer = sign_up(&service, good, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{good}");
    }
    let too_long = "k".repeat(256);
    for bad in [too_long.as_str(), "", "schlüssel", "a\tb"] {
        let answer = sign_up(&service, bad, &ada()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad}");
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(answer.body, @r#"
            {
              "detail": "Send it once, with 1 to 255 printable ASCII characters.",
              "status": 400,
              "title": "The Idempotency-Key is not usable",
              "type": "invalid_idempotency_key"
            }
            "#);
        }
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let answer = service.send(Method::POST, "/users", &twice, &ada()).await;
    assert_eq!(answer.body["type"], "invalid_idempotency_key");
}

#[tokio::test]
async fn the_record_holds_nothing_personal_and_not_the_key() {
    let service = Service::new().await;
    sign_up(&service, KEY, &ada()).await;
    let records = service.stored(IDEMPOTENCY_KEYS).await;
    let fields: Vec<_> = records[0].fields.iter().map(|(name, _)| name).collect();
    assert_eq!(fields, ["created_at", "expires_at", "fingerprint", "made"]);
    assert!(!records[0].key.id().contains(KEY));
}

#[tokio::test]
async fn keys_are_told_apart_to_the_letter_and_their_records_do_not_tell_who_it_was() {
    let service = Service::new().await;
    let first = sign_up(&service, "key", &ada()).await;
    service.delete(first.body["id"].as_str().unwrap()).await;
    let second = sign_up(&service, "Key", &ada()).await;
    assert_eq!(second.status, StatusCode::CREATED);
    assert_ne!(second.body["id"], first.body["id"]);
    let records = service.stored(IDEMPOTENCY_KEYS).await;
    let fingerprints = records
        .iter()
        .map(|it| it.fields.text("fingerprint").unwrap());
    let different: std::collections::BTreeSet<_> = fingerprints.collect();
    assert_eq!(different.len(), 2);
}

/// A store that makes commits and loses their answers, or finds others in the way of all of them.
struct Trouble {
    documents: Arc<dyn Documents>,
    lost_answers: AtomicU32,
    contention: bool,
}

#[async_trait]
impl Documents for Trouble {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.documents.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.documents.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        if self.contention {
            return Err(CommitError::Contention("others write here".into()));
        }
        let receipt = self.documents.commit(writes).await?;
        match self.lost_answers.load(Ordering::Relaxed) {
            0 => Ok(receipt),
            more => {
                self.lost_answers.store(more - 1, Ordering::Relaxed);
                Err(StoreError::Unavailable("the connection broke".into()).into())
            }
        }
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_repeat_finds_what_was_done() {
    let service = Service::new().await;
    let trouble = Trouble {
        documents: Arc::clone(&service.documents),
        lost_answers: AtomicU32::new(1),
        contention: false,
    };
    let unlucky = service.beside(Arc::new(trouble), service.bus.clone());
    let first = sign_up(&unlucky, KEY, &ada()).await;
    assert_eq!(first.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(first.headers["retry-after"], "1");
    let again = sign_up(&unlucky, KEY, &ada()).await;
    assert_eq!(again.status, StatusCode::CREATED);
    let id = again.body["id"].as_str().unwrap();
    assert_eq!(service.get(id).await.body, again.body);
    assert_eq!(service.relay_later().await["published"], 1);
    assert_eq!(service.bus.sequences()[id], [1]);
}

#[tokio::test]
async fn when_others_are_always_in_the_way_the_request_is_told_to_come_again() {
    let service = Service::new().await;
    let trouble = Trouble {
        documents: Arc::clone(&service.documents),
        lost_answers: AtomicU32::new(0),
        contention: true,
    };
    let unlucky = service.beside(Arc::new(trouble), service.bus.clone());
    let answer = sign_up(&unlucky, KEY, &ada()).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.headers["retry-after"], "1");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "detail": "Send the same request again in a moment.",
      "status": 409,
      "title": "A request with this Idempotency-Key or this address is under way",
      "type": "request_in_progress"
    }
    "#);
    // Another caller's success under the same key is found all the same.
    let done = sign_up(&service, KEY, &ada()).await;
    let answer = sign_up(&unlucky, KEY, &ada()).await;
    assert_eq!((answer.status, answer.body), (done.status, done.body));
}
