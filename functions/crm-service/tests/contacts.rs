//! Contacts as they are answered.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::sync::Arc;

use axum::Router;
use crm_service::app;
use fanout_runtime::SystemClock;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::consumer_tests::{deliver, lone_consumer, look_at};
use fanout_testkit::user_events::{created, deleted, updated};
use fanout_testkit::{CountingDocuments, PortCalls};
use http::StatusCode;
use serde_json::Value;

/// The service, with everything in memory.
struct Crm {
    app: Router,
    documents: Arc<CountingDocuments>,
}

impl Crm {
    async fn new() -> Self {
        let clock = Arc::new(SystemClock);
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents = CountingDocuments::new(Arc::new(documents.unwrap()));
        let app = app(lone_consumer(documents.clone(), clock));
        Self { app, documents }
    }

    async fn outcome(&self, event: &Value) -> String {
        let answer = deliver(&self.app, event.to_string()).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        answer.outcome
    }

    async fn signs_up(&self, user: &str) {
        let event = created(&format!("evt_{user}"), user);
        assert_eq!(self.outcome(&event).await, "done");
    }

    async fn leaves(&self, user: &str) {
        let event = deleted(&format!("evt_{user}_2"), user, 2);
        assert_eq!(self.outcome(&event).await, "done");
    }

    /// The ids on a page, and the token of the next.
    async fn page(&self, query: &str) -> (Vec<String>, Option<String>) {
        let answer = look_at(&self.app, &format!("/contacts{query}")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{query}");
        let page: Value = serde_json::from_str(answer.body()).unwrap();
        let contacts = page["contacts"].as_array().unwrap().iter();
        let ids = contacts.map(|contact| contact["user_id"].as_str().unwrap().to_owned());
        let next = page["next_page_token"].as_str().map(str::to_owned);
        assert!(next.is_some() || page["next_page_token"].is_null());
        (ids.collect(), next)
    }

    /// The ids on all pages.
    async fn pages(&self, limit: usize) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut query = format!("?limit={limit}");
        loop {
            let (ids, next) = self.page(&query).await;
            pages.push(ids);
            match next {
                Some(token) => query = format!("?limit={limit}&page_token={token}"),
                None => return pages,
            }
        }
    }
}

#[tokio::test]
async fn a_contact_says_where_it_began_and_what_was_heard_last() {
    let crm = Crm::new().await;
    crm.signs_up("usr_1").await;
    let event = updated("evt_usr_1_2", "usr_1", 2, "Another Name");
    assert_eq!(crm.outcome(&event).await, "done");
    let answer = look_at(&crm.app, "/contacts/usr_1").await;
    assert_eq!(answer.status(), StatusCode::OK);
    insta::assert_snapshot!(answer.body(), @r#"{"user_id":"usr_1","email":"test@example.com","name":"Another Name","source":"user-service","version":2,"created_at":"2026-11-20T12:00:00.000Z","updated_at":"2026-11-20T12:00:00.000Z","first_event_id":"evt_usr_1","last_event_id":"evt_usr_1_2"}"#);
    let list = look_at(&crm.app, "/contacts").await;
    let one_page = format!(
        r#"{{"contacts":[{}],"next_page_token":null}}"#,
        answer.body()
    );
    assert_eq!(list.body(), &one_page);
}

#[tokio::test]
async fn who_is_gone_or_never_came_is_no_contact() {
    let crm = Crm::new().await;
    crm.signs_up("usr_1").await;
    crm.leaves("usr_1").await;
    for user in ["usr_1", "usr_2", "%FF"] {
        let answer = look_at(&crm.app, &format!("/contacts/{user}")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let problem: Value = serde_json::from_str(answer.body()).unwrap();
        assert_eq!(problem["type"], "contact_not_found");
    }
    assert_eq!(crm.page("").await, (Vec::new(), None));
}

#[tokio::test]
async fn pages_are_full_wherever_those_who_left_lie_and_the_last_one_says_so() {
    let crm = Crm::new().await;
    let users: Vec<String> = (10..40).map(|n| format!("usr_{n}")).collect();
    for user in &users {
        crm.signs_up(user).await;
    }
    // A long gap, the ends, and one in between.
    let gone = |n: &usize| (5..18).contains(n) || [0, 22, 29].contains(n);
    for n in (0..users.len()).filter(gone) {
        crm.leaves(&users[n]).await;
    }
    let stay = (0..users.len()).filter(|n| !gone(n));
    let stay: Vec<String> = stay.map(|n| users[n].clone()).collect();
    assert_eq!(stay.len(), 14);
    for limit in 1..=15 {
        let pages = crm.pages(limit).await;
        let expected: Vec<_> = stay.chunks(limit).map(<[String]>::to_vec).collect();
        assert_eq!(pages, expected, "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_contacts_and_costs_one_query() {
    let crm = Crm::new().await;
    for n in 100..201 {
        crm.signs_up(&format!("usr_{n}")).await;
    }
    crm.documents.take_calls();
    let (first, next) = crm.page("").await;
    let one_query = PortCalls {
        queries: 1,
        ..PortCalls::default()
    };
    assert_eq!(crm.documents.take_calls(), one_query);
    assert_eq!(first.len(), 100);
    let token = next.unwrap();
    let (rest, end) = crm.page(&format!("?page_token={token}")).await;
    assert_eq!((rest, end), (vec!["usr_200".to_owned()], None));
}

#[tokio::test]
async fn a_contact_that_changes_or_goes_meanwhile_moves_no_other() {
    let crm = Crm::new().await;
    for n in 1..=6 {
        crm.signs_up(&format!("usr_{n}")).await;
    }
    let (_, next) = crm.page("?limit=3").await;
    // The page's own end is gone, an earlier one is changed, and a later one.
    crm.leaves("usr_3").await;
    for n in [1, 5] {
        let event = updated(&format!("evt_{n}_2"), &format!("usr_{n}"), 2, "Renamed");
        assert_eq!(crm.outcome(&event).await, "done");
    }
    let (rest, _) = crm.page(&format!("?page_token={}", next.unwrap())).await;
    assert_eq!(rest, ["usr_4", "usr_5", "usr_6"]);
}

#[tokio::test]
async fn what_cannot_be_listed_is_a_problem_with_a_list_of_fields() {
    let crm = Crm::new().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("page_token=usr_1", "page_token"),
        ("limit=1&limit=2", "query"),
    ] {
        let answer = look_at(&crm.app, &format!("/contacts?{query}")).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(answer.body()).unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    assert_eq!(crm.documents.take_calls(), PortCalls::default());
}
