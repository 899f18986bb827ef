//! What another request does between a request's reading and its commit.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_store::{StoreError, Write};
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments};
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use user_service::USERS;

use super::service::{Answer, Service};

const KEY: &str = "one key";

/// Does something before the `number`th commit.
struct Before<F> {
    number: usize,
    meanwhile: F,
}

#[async_trait]
impl<F: Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static> CommitHook for Before<F> {
    async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
        if number == self.number {
            (self.meanwhile)().await;
        }
        HookedCommit::Made
    }
}

/// An instance beside this one, to whose `number`th commit another request of `service` comes first.
fn slower<M>(
    service: &Arc<Service>,
    number: usize,
    meanwhile: impl Fn(Arc<Service>) -> M + Send + Sync + 'static,
) -> Service
where
    M: Future<Output = ()> + Send + 'static,
{
    let other = Arc::clone(service);
    let hook = Before {
        number,
        meanwhile: move || -> BoxFuture<'static, ()> { Box::pin(meanwhile(Arc::clone(&other))) },
    };
    let documents = HookedDocuments::new(Arc::clone(&service.documents), hook);
    service.beside(documents, service.bus.clone())
}

async fn sign_up_once(service: &Service, email: &str, name: &str) -> Answer {
    let headers = [("idempotency-key", KEY)];
    let body = json!({"email": email, "name": name});
    service.send(Method::POST, "/users", &headers, &body).await
}

async fn of_version_1(service: &Service, method: Method, user: &str, body: &Value) -> Answer {
    let path = format!("/users/{user}");
    let headers = [("if-match", "\"1\"")];
    service.send(method, &path, &headers, body).await
}

#[tokio::test]
async fn an_expired_key_that_is_used_again_meanwhile_belongs_to_that_request() {
    let service = Arc::new(Service::new().await);
    sign_up_once(&service, "ada@example.com", "Ada").await;
    service
        .clock
        .advance(std::time::Duration::from_secs(24 * 60 * 60));
    // The first commit finds the record, which has expired; the second is to replace it.
    let slower = slower(&service, 2, |service| async move {
        let first = sign_up_once(&service, "eve@example.com", "Eve").await;
        assert_eq!(first.status, StatusCode::CREATED);
    });
    let refused = sign_up_once(&slower, "bob@example.com", "Bob").await;
    assert_eq!(refused.body["type"], "idempotency_key_reused");
    let repeat = sign_up_once(&service, "eve@example.com", "Eve").await;
    assert_eq!(repeat.status, StatusCode::CREATED);
    assert_eq!(service.stored(USERS).await.len(), 2);
}

#[tokio::test]
async fn a_repeat_that_is_faster_gives_the_answer_of_both() {
    let service = Arc::new(Service::new().await);
    let slower = slower(&service, 1, |service| async move {
        sign_up_once(&service, "ada@example.com", "Ada").await;
    });
    let answer = sign_up_once(&slower, "ada@example.com", "Ada").await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let id = answer.body["id"].as_str().unwrap();
    assert_eq!(service.get(id).await.body, answer.body);
    assert_eq!(service.stored(USERS).await.len(), 1);
}

#[tokio::test]
async fn an_address_that_is_taken_meanwhile_is_taken_with_a_key_and_without() {
    let service = Arc::new(Service::new().await);
    let take =
        |email| move |service: Arc<Service>| async move { drop(service.new_user(email).await) };
    let without = slower(&service, 1, take("a@example.com"))
        .sign_up("A@example.com")
        .await;
    assert_eq!(without.body["type"], "email_taken");
    let with = slower(&service, 1, take("b@example.com"));
    let with = sign_up_once(&with, "B@example.com", "B").await;
    assert_eq!(with.body["type"], "email_taken");
    let user = service.new_user("c@example.com").await;
    let change = json!({"email": "D@example.com"});
    let changed = slower(&service, 1, take("d@example.com"))
        .patch(&user, &change)
        .await;
    assert_eq!(changed.body["type"], "email_taken");
    assert_eq!(changed.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_version_that_changes_meanwhile_is_neither_changed_nor_deleted() {
    for method in [Method::PATCH, Method::DELETE] {
        let service = Arc::new(Service::new().await);
        let user = service.new_user("ada@example.com").await;
        let id = user.clone();
        let slower = slower(&service, 1, move |service| {
            let id = id.clone();
            async move {
                service.patch(&id, &json!({"name": "Second"})).await;
            }
        });
        let change = json!({"name": "Third"});
        let answer = of_version_1(&slower, method.clone(), &user, &change).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{method}");
        assert_eq!(service.get(&user).await.body["name"], "Second");
        service.outbox.drain().await;
        assert_eq!(service.bus.sequences()[&user], [1, 2], "{method}");
    }
}

#[tokio::test]
async fn a_change_keeps_what_another_changed_meanwhile() {
    let service = Arc::new(Service::new().await);
    let user = service.new_user("old@example.com").await;
    let id = user.clone();
    let slower = slower(&service, 1, move |service| {
        let id = id.clone();
        async move {
            service
                .patch(&id, &json!({"email": "new@example.com"}))
                .await;
        }
    });
    let answer = slower.patch(&user, &json!({"name": "Ada"})).await;
    assert_eq!(answer.body["version"], 3);
    assert_eq!(answer.body["email"], "new@example.com");
    assert_eq!(service.get(&user).await.body, answer.body);
    assert_eq!(
        service.sign_up("new@example.com").await.status,
        StatusCode::CONFLICT
    );
    assert_eq!(
        service.sign_up("old@example.com").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_deletion_frees_the_address_that_the_user_has_by_then_and_no_other() {
    let service = Arc::new(Service::new().await);
    let user = service.new_user("old@example.com").await;
    let id = user.clone();
    let slower = slower(&service, 1, move |service| {
        let id = id.clone();
        async move {
            service
                .patch(&id, &json!({"email": "new@example.com"}))
                .await;
            service.new_user("old@example.com").await;
        }
    });
    assert_eq!(slower.delete(&user).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        service.sign_up("new@example.com").await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        service.sign_up("old@example.com").await.status,
        StatusCode::CONFLICT
    );
    service.outbox.drain().await;
    assert_eq!(service.bus.sequences()[&user], [1, 2, 3]);
}

#[tokio::test]
async fn a_user_who_is_deleted_meanwhile_is_gone() {
    for method in [Method::PATCH, Method::DELETE] {
        let service = Arc::new(Service::new().await);
        let user = service.new_user("ada@example.com").await;
        let id = user.clone();
        let slower = slower(&service, 1, move |service| {
            let id = id.clone();
            async move { drop(service.delete(&id).await) }
        });
        let path = format!("/users/{user}");
        let answer = slower
            .send(method.clone(), &path, &[], &json!({"name": "Zombie"}))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method}");
        service.outbox.drain().await;
        assert_eq!(service.bus.sequences()[&user], [1, 2], "{method}");
    }
}

/// Changes the user before each commit.
struct Always {
    service: Arc<Service>,
    user: String,
}

#[async_trait]
impl CommitHook for Always {
    async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
        let change = json!({"name": format!("Name {number}")});
        self.service.patch(&self.user, &change).await;
        HookedCommit::Made
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_never_gets_its_turn_is_told_to_come_again() {
    let service = Arc::new(Service::new().await);
    let user = service.new_user("ada@example.com").await;
    let hook = Always {
        service: Arc::clone(&service),
        user: user.clone(),
    };
    let documents = HookedDocuments::new(Arc::clone(&service.documents), hook);
    let slower = service.beside(documents, service.bus.clone());
    let answer = slower
        .patch(&user, &json!({"email": "new@example.com"}))
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(service.get(&user).await.body["email"], "ada@example.com");
}

/// A store that refuses.
struct Refuses;

#[async_trait]
impl CommitHook for Refuses {
    async fn before(&self, _: usize, _: &[Write]) -> HookedCommit {
        HookedCommit::Fails(StoreError::Refused("no such index".into()).into())
    }
}

#[tokio::test]
async fn what_the_store_refuses_is_our_fault_and_no_repeat_will_cure_it() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    let documents = HookedDocuments::new(Arc::clone(&service.documents), Refuses);
    let refused = service.beside(documents, service.bus.clone());
    for answer in [
        refused.sign_up("eve@example.com").await,
        sign_up_once(&refused, "eve@example.com", "Eve").await,
        refused.patch(&user, &json!({"name": "Ada"})).await,
        refused.delete(&user).await,
    ] {
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.body["type"], "internal_error");
        assert!(!answer.headers.contains_key("retry-after"));
    }
}
