//! Each setting is changed once, in Google's JSON of what Terraform makes.

#![allow(clippy::too_many_lines, reason = "tables of cases, one line each")]

use std::collections::HashMap;

use axum::extract::Query;
use axum::routing::get;
use axum::{Json, Router};
use fanout_contracts::user::TOPIC as USER_EVENTS;
use fanout_kernel::Subscriber;
use reqwest::{Client, Url};
use system::{MAIN_SYSTEM, SERVICES};
use tokio::net::TcpListener;

use super::*;
use crate::google_api::GoogleApi;

/// The consumers of the sign-up.
fn consumers() -> impl Iterator<Item = &'static Subscriber> {
    let deployed = SERVICES
        .iter()
        .filter(|spec| spec.system == Some(MAIN_SYSTEM));
    deployed.filter_map(|spec| spec.subscriber.as_ref())
}

/// The first consumer of the table.
fn first() -> &'static Subscriber {
    consumers().next().unwrap()
}

fn full(kind: &str, name: &str) -> String {
    format!("projects/p/{kind}/{name}")
}

fn topics() -> Vec<Value> {
    let letters = consumers().map(Subscriber::dead_letters);
    let names = letters.chain([USER_EVENTS.to_owned(), "orders".to_owned()]);
    names
        .map(|name| json!({"name": full("topics", &name)}))
        .collect()
}

fn subscriptions() -> Vec<Value> {
    let both = consumers().flat_map(|consumer| {
        let (name, letters) = (consumer.first_subscription(), consumer.dead_letters());
        let url = format!("https://{}-service-1.us-central1.run.app", consumer.consumer);
        let push = json!({
            "name": full("subscriptions", &name),
            "topic": full("topics", USER_EVENTS),
            "pushConfig": {
                "pushEndpoint": format!("{url}/pubsub/push"),
                "attributes": {"x-goog-version": "v1"},
                "oidcToken": {
                    "serviceAccountEmail": format!("push-{}@p.iam.gserviceaccount.com", consumer.consumer),
                    "audience": url,
                },
            },
            "ackDeadlineSeconds": 60,
            "messageRetentionDuration": "604800s",
            "expirationPolicy": {},
            "deadLetterPolicy": {"deadLetterTopic": full("topics", &letters), "maxDeliveryAttempts": 20},
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "enableMessageOrdering": true,
            "filter": "",
            "retainAckedMessages": false,
            "state": "ACTIVE",
        });
        let pull = json!({
            "name": full("subscriptions", &letters),
            "topic": full("topics", &letters),
            "pushConfig": {},
            "ackDeadlineSeconds": 60,
            "messageRetentionDuration": "2678400s",
            "expirationPolicy": {},
            "state": "ACTIVE",
        });
        [push, pull]
    });
    let orders =
        json!({"name": full("subscriptions", "orders"), "topic": full("topics", "orders")});
    both.chain([orders]).collect()
}

fn findings(change: impl FnOnce(&mut Vec<Value>)) -> Vec<String> {
    let mut live = subscriptions();
    change(&mut live);
    compare("p", &SystemsFlags::default(), &topics(), &live).findings
}

#[test]
fn a_project_that_is_as_it_should_be_has_no_finding() {
    let report = compare("p", &SystemsFlags::default(), &topics(), &subscriptions());
    let (topics, subscriptions) = (consumers().count() + 1, 2 * consumers().count());
    let looked_at = format!("projects/p: topics: {topics}, subscriptions: {subscriptions}");
    assert_eq!(report.looked_at, [looked_at]);
    assert_eq!(report.findings, [""; 0]);
}

#[test]
fn every_setting_that_differs_is_one_sentence() {
    let name = full("subscriptions", &first().first_subscription());
    let email = first().consumer;
    let changes = [
        (
            "/topic",
            json!("_deleted-topic_"),
            "topic is \"_deleted-topic_\" and must be \"projects/p/topics/user-events\"",
        ),
        (
            "/filter",
            json!("attributes:a"),
            "filter is \"attributes:a\" and must be unset",
        ),
        (
            "/retainAckedMessages",
            json!(true),
            "retainAckedMessages is true and must be unset",
        ),
        (
            "/enableMessageOrdering",
            json!(false),
            "enableMessageOrdering is unset and must be true",
        ),
        (
            "/ackDeadlineSeconds",
            json!(30),
            "ackDeadlineSeconds is 30 and must be 60",
        ),
        (
            "/messageRetentionDuration",
            json!("600s"),
            "messageRetentionDuration is \"600s\" and must be \"604800s\"",
        ),
        (
            "/expirationPolicy",
            json!({"ttl": "86400s"}),
            "expirationPolicy is {\"ttl\":\"86400s\"} and must be {}",
        ),
        (
            "/expirationPolicy",
            Value::Null,
            "expirationPolicy is unset and must be {}",
        ),
        (
            "/deadLetterPolicy/deadLetterTopic",
            json!("projects/q/topics/t"),
            "deadLetterPolicy.deadLetterTopic is \"projects/q/topics/t\" and must be \"projects/p/topics/user-events-email-dead-letters\"",
        ),
        (
            "/deadLetterPolicy/maxDeliveryAttempts",
            json!(5),
            "deadLetterPolicy.maxDeliveryAttempts is 5 and must be 20",
        ),
        (
            "/retryPolicy/minimumBackoff",
            json!("1s"),
            "retryPolicy.minimumBackoff is \"1s\" and must be \"10s\"",
        ),
        (
            "/retryPolicy/maximumBackoff",
            json!("60s"),
            "retryPolicy.maximumBackoff is \"60s\" and must be \"600s\"",
        ),
        (
            "/pushConfig/oidcToken/serviceAccountEmail",
            json!("push-crm@p.iam.gserviceaccount.com"),
            "pushConfig.oidcToken.serviceAccountEmail is \"push-crm@p.iam.gserviceaccount.com\" and must be \"push-email@p.iam.gserviceaccount.com\"",
        ),
        (
            "/pushConfig/oidcToken/audience",
            json!("https://x"),
            "pushConfig.oidcToken.audience is \"https://x\" and must be \"https://email-service-1.us-central1.run.app\"",
        ),
        (
            "/pushConfig/pushEndpoint",
            json!("https://crm-service-1.us-central1.run.app/pubsub/push"),
            "pushConfig.pushEndpoint is \"https://crm-service-1.us-central1.run.app/pubsub/push\" and must be /pubsub/push of email-service",
        ),
        (
            "/pushConfig/pushEndpoint",
            Value::Null,
            "pushConfig.pushEndpoint is unset and must be /pubsub/push of email-service",
        ),
    ];
    assert_eq!(email, "email");
    for (pointer, value, sentence) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let found = findings(|live| live[0].pointer_mut(parent).unwrap()[field] = value);
        assert_eq!(found, [format!("{name}: {sentence}")]);
    }
}

#[test]
fn dead_letters_wait_for_a_pull_and_go_nowhere_else() {
    let name = full("subscriptions", &first().dead_letters());
    let found = findings(|live| {
        live[1]["pushConfig"]["pushEndpoint"] = json!("https://x");
        live[1]["deadLetterPolicy"] = json!({"maxDeliveryAttempts": 5});
    });
    assert_eq!(
        found,
        [
            format!("{name}: deadLetterPolicy is {{\"maxDeliveryAttempts\":5}} and must be unset"),
            format!("{name}: pushConfig.pushEndpoint is \"https://x\" and must be unset"),
        ]
    );
}

#[test]
fn what_is_missing_and_what_is_too_much_is_found() {
    let name = full("subscriptions", &first().first_subscription());
    let found = findings(|live| drop(live.remove(0)));
    assert_eq!(found, [format!("{name} is missing")]);
    let found = findings(|live| live[0]["name"] = json!("projects/p/subscriptions/old"));
    let old = "projects/p/subscriptions/old: it listens to projects/p/topics/user-events, and is not in the table";
    assert_eq!(found, [format!("{name} is missing"), old.to_owned()]);
    let missing = compare(
        "p",
        &SystemsFlags::default(),
        &topics()[1..],
        &subscriptions(),
    )
    .findings;
    let name = full("topics", &first().dead_letters());
    assert_eq!(missing, [format!("{name} is missing")]);
}

/// One resource a page.
#[tokio::test]
async fn every_page_is_read() {
    let list = |key: &'static str, all: Vec<Value>| {
        get(
            move |Query(query): Query<HashMap<String, String>>| async move {
                let at: usize = query["pageToken"].parse().unwrap_or(0);
                let next = (at + 1 < all.len()).then(|| (at + 1).to_string());
                Json(json!({key: [all[at]], "nextPageToken": next.unwrap_or_default()}))
            },
        )
    };
    let app = Router::new()
        .route("/v1/projects/p/topics", list("topics", topics()))
        .route(
            "/v1/projects/p/subscriptions",
            list("subscriptions", subscriptions()),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let url = Url::parse(&url).unwrap();
    let api = GoogleApi::new(Client::new(), url, None, "");
    let pubsub = PubsubRest::of(api, "p".to_owned());
    let checked = check(&pubsub, None, "p", &SystemsFlags::default()).await;
    assert_eq!(checked.unwrap().findings, [""; 0]);
}
