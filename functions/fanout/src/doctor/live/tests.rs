//! Against a server that answers in Google's JSON, page by page, and demands the token.

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::doctor::report::Checkup;
use crate::doctor::rule::{Finding, Rule};

/// Google's JSON of what Terraform makes here.
fn subscriptions() -> Vec<Value> {
    let full = |kind: &str, name: &str| format!("projects/p/{kind}/{name}");
    let both = CONSUMERS.iter().flat_map(|consumer| {
        let (name, letters) = (consumer.subscription(), consumer.dead_letters());
        let push = json!({
            "name": full("subscriptions", &name),
            "topic": full("topics", USER_EVENTS),
            "pushConfig": {
                "pushEndpoint": format!("https://{}-service-1.us-central1.run.app/pubsub/push", consumer.name),
                "oidcToken": {"serviceAccountEmail": "push@p.iam.gserviceaccount.com", "audience": "https://x"},
            },
            "ackDeadlineSeconds": 60,
            "messageRetentionDuration": "604800s",
            "expirationPolicy": {},
            "deadLetterPolicy": {"deadLetterTopic": full("topics", &letters), "maxDeliveryAttempts": 20},
            "retryPolicy": {"minimumBackoff": "10s", "maximumBackoff": "600s"},
            "enableMessageOrdering": true,
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
    let somebody_elses =
        json!({"name": full("subscriptions", "other"), "topic": full("topics", "orders")});
    both.chain([somebody_elses]).collect()
}

/// Answers as Google does, one resource a page, to whoever has the token.
async fn google(subscriptions: Vec<Value>) -> String {
    let names = [USER_EVENTS.to_owned()]
        .into_iter()
        .chain(CONSUMERS.iter().map(ConsumerEntry::dead_letters));
    let topics = names
        .map(|name| json!({"name": format!("projects/p/topics/{name}")}))
        .collect();
    let list = |key: &'static str, all: Vec<Value>| {
        get(
            async move |headers: HeaderMap, Query(query): Query<HashMap<String, String>>| {
                page(key, &all, &headers, &query)
            },
        )
    };
    let app = Router::new()
        .route("/v1/projects/p/topics", list("topics", topics))
        .route("/v1/projects/p/subscriptions", list("subscriptions", subscriptions))
        .route("/token", post(async || Json(json!({"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"}))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

fn page(
    key: &str,
    all: &[Value],
    headers: &HeaderMap,
    query: &HashMap<String, String>,
) -> Response {
    if headers
        .get(AUTHORIZATION)
        .is_none_or(|token| token != "Bearer the-token")
    {
        let error = json!({"error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let at: usize = query
        .get("pageToken")
        .map_or(0, |token| token.parse().unwrap());
    let mut answer = json!({key: all.get(at).into_iter().collect::<Vec<_>>()});
    if at + 1 < all.len() {
        answer["nextPageToken"] = json!((at + 1).to_string());
    }
    Json(answer).into_response()
}

/// As whoever has logged in with gcloud.
fn api(base: &str) -> PubsubApi {
    let user = json!({
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "none",
        "refresh_token": "refresh",
        "token_uri": format!("{base}/token"),
    });
    PubsubApi {
        base: base.to_owned(),
        credentials: Some(
            credentials::user_account::Builder::new(user)
                .build()
                .unwrap(),
        ),
        client: Client::new(),
    }
}

async fn findings(subscriptions: Vec<Value>) -> Vec<Finding> {
    let facts = api(&google(subscriptions).await).read("p").await.unwrap();
    let checkup = Checkup::of("p".to_owned(), &facts);
    checkup
        .checks
        .into_iter()
        .flat_map(|check| check.findings)
        .collect()
}

#[tokio::test]
async fn a_project_that_is_as_it_should_be_has_no_finding() {
    let facts = api(&google(subscriptions()).await).read("p").await.unwrap();
    assert_eq!((facts.topics.len(), facts.subscriptions.len()), (4, 6));
    let checkup = Checkup::of("p".to_owned(), &facts);
    let checked: Vec<usize> = checkup
        .checks
        .iter()
        .map(|check| check.rule.number())
        .collect();
    assert_eq!(
        checked,
        [1, 2, 3, 6, 7, 8, 9],
        "rights and fields are not read"
    );
    assert!(checkup.checks.iter().all(|check| check.findings.is_empty()));
}

#[tokio::test]
async fn what_drifted_from_terraform_is_found() {
    let name = CONSUMERS[0].subscription();
    for (field, value, rule) in [
        ("deadLetterPolicy", Value::Null, Rule::DeadLetterTopic),
        (
            "expirationPolicy",
            json!({"ttl": "2678400s"}),
            Rule::NeverExpires,
        ),
        ("expirationPolicy", Value::Null, Rule::NeverExpires),
        ("retryPolicy", Value::Null, Rule::BackoffOutlastsLease),
        ("ackDeadlineSeconds", json!(30), Rule::BudgetWithinDeadline),
        (
            "messageRetentionDuration",
            json!("1209600s"),
            Rule::MarksOutliveRedrive,
        ),
    ] {
        let mut live = subscriptions();
        live[0][field] = value;
        let found = findings(live).await;
        let [only] = found.as_slice() else {
            panic!("{field}: {found:#?}");
        };
        assert_eq!(only.rule, rule, "{field}");
        assert!(
            only.place
                .to_string()
                .starts_with(&format!("projects/p/subscriptions/{name}")),
            "{only:?}"
        );
    }
    let gone = subscriptions().into_iter().skip(1).collect();
    assert_eq!(findings(gone).await[0].rule, Rule::Subscribed);
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_with_google_s_own_words() {
    let base = google(subscriptions()).await;
    let mut stranger = api(&base);
    stranger.credentials = None;
    let error = stranger.read("p").await.unwrap_err().to_string();
    let said = "answered 401 Unauthorized for projects/p/topics: Request had invalid authentication credentials.";
    assert!(error.contains(said), "{error}");
    let error = api(&base).read("q").await.unwrap_err().to_string();
    assert!(error.contains("404"), "{error}");
}
