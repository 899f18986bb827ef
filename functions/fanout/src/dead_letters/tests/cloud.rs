//! The stand-in. Pub/Sub is the embedded broker's REST face behind a check of the token, with the
//! subscription as Google shows it.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fanout_bus::{
    Backoff, OutgoingMessage, PushedMessage, Retention, Subscription, Topology, X_REDRIVE,
};
use fanout_bus_local::{Broker, rest};
use fanout_runtime::{SystemIds, Timestamp, Timings};
use fanout_store_sqlite::Database;
use fanout_testkit::ManualClock;
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, CredentialsProvider, EntityTag,
};
use google_cloud_auth::errors::CredentialsError;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Notify};

use crate::operator::Operator;

pub(super) const PUSHER: &str = "push-email@p1.iam.gserviceaccount.com";
pub(super) const AUDIENCE: &str = "https://email-service.example.com";
const LETTERS: &str = "user-events-email-dead-letters";

/// What the stand-in has seen, and what it is to do.
pub(super) struct Seen {
    pub(super) tokens_asked_for: Mutex<Vec<(String, String)>>,
    pub(super) pushed: Mutex<Vec<PushedMessage>>,
    pub(super) may_borrow: AtomicBool,
    pub(super) hang: AtomicBool,
    pub(super) failing_acks: AtomicU32,
    answer: Mutex<(u16, Option<&'static str>)>,
    push_began: Notify,
    /// How many pushes are answered at once, and what each later one waits for.
    together: Mutex<Option<(usize, Arc<Barrier>)>>,
    keys_under_way: Mutex<BTreeMap<String, u32>>,
    pub(super) most_of_a_key: AtomicU32,
}

pub(super) struct Cloud {
    pub(super) seen: Arc<Seen>,
    pub(super) clock: Arc<ManualClock>,
    broker: Broker,
    url: String,
}

/// The operator's own access token.
#[derive(Debug)]
struct AccessToken;

impl CredentialsProvider for AccessToken {
    async fn headers(
        &self,
        _: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let value = HeaderValue::from_static("Bearer operators-token");
        Ok(CacheableResource::New {
            entity_tag: EntityTag::new(),
            data: HeaderMap::from_iter([(AUTHORIZATION, value)]),
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

fn google_error(status: StatusCode, message: &str) -> Response {
    let error = json!({"code": status.as_u16(), "message": message, "status": "ERROR"});
    (status, Json(json!({ "error": error }))).into_response()
}

fn bearer(headers: &HeaderMap, token: &str) -> bool {
    let expected = format!("Bearer {token}");
    headers
        .get(AUTHORIZATION)
        .is_some_and(|value| *value == *expected)
}

async fn only_operators(State(seen): State<Arc<Seen>>, request: Request, next: Next) -> Response {
    if !bearer(request.headers(), "operators-token") {
        return google_error(
            StatusCode::UNAUTHORIZED,
            "Request had invalid authentication credentials.",
        );
    }
    if request.uri().path().ends_with(":acknowledge") {
        let left = seen.failing_acks.load(Ordering::Relaxed);
        if left > 0 {
            seen.failing_acks.store(left - 1, Ordering::Relaxed);
            return google_error(
                StatusCode::SERVICE_UNAVAILABLE,
                "The service was unable to fulfill your request.",
            );
        }
    }
    next.run(request).await
}

async fn generate_id_token(
    State(seen): State<Arc<Seen>>,
    Path(call): Path<String>,
    Json(ask): Json<Value>,
) -> Response {
    if !seen.may_borrow.load(Ordering::Relaxed) {
        return google_error(
            StatusCode::FORBIDDEN,
            "Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource (or it may not exist).",
        );
    }
    let account = call.strip_suffix(":generateIdToken").unwrap().to_owned();
    let audience = ask["audience"].as_str().unwrap().to_owned();
    assert_eq!(ask["includeEmail"], true);
    seen.tokens_asked_for
        .lock()
        .unwrap()
        .push((account, audience));
    Json(json!({"token": "identity-of-push-email"})).into_response()
}

async fn consume(
    State(seen): State<Arc<Seen>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    if !bearer(&headers, "identity-of-push-email") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    assert_eq!(headers[X_REDRIVE], "true");
    let message = PushedMessage::from_json(&body, Timestamp::UNIX_EPOCH).unwrap();
    let key = message.ordering_key.clone();
    seen.begin(&key);
    let nth = {
        let mut pushed = seen.pushed.lock().unwrap();
        pushed.push(message);
        pushed.len()
    };
    seen.push_began.notify_one();
    let together = seen.together.lock().unwrap().clone();
    if let Some((_, others)) = together.filter(|(at_once, _)| nth > *at_once) {
        others.wait().await;
    }
    seen.end(&key);
    if seen.hang.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
    let (status, outcome) = *seen.answer.lock().unwrap();
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    if let Some(outcome) = outcome {
        let value = HeaderValue::from_static(outcome);
        response.headers_mut().insert("x-outcome", value);
    }
    response
}

impl Seen {
    fn begin(&self, key: &str) {
        if !key.is_empty() {
            let mut keys = self.keys_under_way.lock().unwrap();
            let count = keys.entry(key.to_owned()).or_default();
            *count += 1;
            self.most_of_a_key.fetch_max(*count, Ordering::Relaxed);
        }
    }

    fn end(&self, key: &str) {
        if let Some(count) = self.keys_under_way.lock().unwrap().get_mut(key) {
            *count -= 1;
        }
    }
}

fn dead_letters() -> Topology {
    let second = Duration::from_secs(1);
    Topology {
        topics: vec![LETTERS.to_owned()],
        subscriptions: vec![Subscription {
            name: LETTERS.to_owned(),
            topic: LETTERS.to_owned(),
            push_endpoint: None,
            wrapping: Default::default(),
            ack_deadline: Duration::from_secs(60),
            backoff: Backoff {
                min: second,
                max: second,
            },
            dead_letters: None,
            ordered: false,
            filter: None,
            retention: Retention::of_unacked(Timings::PRODUCTION.dead_letter_retention),
        }],
    }
}

/// A letter of a message with this id.
fn letter(reason: &str, id: &str, key: &str) -> OutgoingMessage {
    let attributes = [
        ("k", "v"),
        ("dead-letter-reason", reason),
        ("dead-letter-consumer", "email"),
        ("dead-letter-original-message-id", id),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    OutgoingMessage {
        data: "not JSON".into(),
        attributes: BTreeMap::from(attributes),
        ordering_key: key.to_owned(),
    }
}

/// The subscription of the consumer at this address, as Google shows it.
fn pushed_to(url: &str) -> Value {
    json!({
        "name": "projects/p1/subscriptions/user-events-email",
        "topic": "projects/p1/topics/user-events",
        "pushConfig": {
            "pushEndpoint": format!("{url}/pubsub/push"),
            "attributes": {"x-goog-version": "v1"},
            "oidcToken": {"serviceAccountEmail": PUSHER, "audience": AUDIENCE},
        },
        "ackDeadlineSeconds": 60,
        "messageRetentionDuration": "604800s",
        "enableMessageOrdering": true,
        "expirationPolicy": {},
        "state": "ACTIVE",
    })
}

impl Cloud {
    pub(super) async fn start() -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse().unwrap()));
        let database = Database::in_memory().unwrap();
        let broker = Broker::open(
            database,
            clock.clone(),
            Arc::new(SystemIds),
            "p1".to_owned(),
        );
        let broker = broker.await.unwrap();
        broker.set_up(&dead_letters()).await.unwrap();
        let seen = Arc::new(Seen {
            tokens_asked_for: Mutex::default(),
            pushed: Mutex::default(),
            may_borrow: AtomicBool::new(true),
            hang: AtomicBool::new(false),
            failing_acks: AtomicU32::new(0),
            answer: Mutex::new((204, Some("done"))),
            push_began: Notify::new(),
            together: Mutex::default(),
            keys_under_way: Mutex::default(),
            most_of_a_key: AtomicU32::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let subscription = pushed_to(&url);
        let google = Router::new()
            .route(
                "/v1/projects/-/serviceAccounts/{call}",
                post(generate_id_token),
            )
            .route(
                "/v1/projects/p1/subscriptions/user-events-email",
                get(async move || Json(subscription)),
            )
            .with_state(seen.clone())
            .fallback_service(rest::app(broker.clone()))
            .layer(from_fn_with_state(seen.clone(), only_operators));
        let consumer = Router::new()
            .route("/pubsub/push", post(consume))
            .with_state(seen.clone());
        let app = consumer.fallback_service(google);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            seen,
            clock,
            broker,
            url,
        }
    }

    pub(super) fn operator(&self) -> Operator {
        let credentials = Credentials::from(AccessToken);
        Operator::in_the_cloud(&self.url, &self.url, "p1".to_owned(), credentials).unwrap()
    }

    /// Parks messages that had these ids.
    pub(super) async fn park(&self, message_ids: &[&str]) {
        self.park_with_key(message_ids, "").await;
    }

    /// Parks messages that had these ids and this ordering key.
    pub(super) async fn park_with_key(&self, message_ids: &[&str], key: &str) {
        for id in message_ids {
            let letter = letter("undecodable", id, key);
            let parked = self.broker.publish(LETTERS, vec![letter]).await;
            parked.unwrap();
        }
    }

    /// Parks so many messages for this reason.
    pub(super) async fn park_many(&self, count: usize, reason: &str) {
        let letters: Vec<_> = (0..count)
            .map(|id| letter(reason, &id.to_string(), ""))
            .collect();
        for letters in letters.chunks(1_000) {
            let parked = self.broker.publish(LETTERS, letters.to_vec()).await;
            parked.unwrap();
        }
    }

    /// From now on the consumer answers so many pushes at once, and each later one together with as
    /// many others as make a group of this size.
    pub(super) fn answer_together(&self, at_once: usize, group: usize) {
        let others = Arc::new(Barrier::new(group));
        *self.seen.together.lock().unwrap() = Some((at_once, others));
    }

    /// What the consumer answers to every push.
    pub(super) fn answer(&self, status: u16, outcome: Option<&'static str>) {
        *self.seen.answer.lock().unwrap() = (status, outcome);
    }

    /// Waits until the consumer has got a push.
    pub(super) async fn first_push(&self) {
        self.seen.push_began.notified().await;
    }

    /// How many letters wait that nobody holds.
    pub(super) async fn waiting(&self) -> usize {
        let pulled = self.broker.pull(LETTERS, 1_000).await.unwrap();
        let ids: Vec<String> = pulled.iter().map(|letter| letter.ack_id.clone()).collect();
        let back = self
            .broker
            .modify_ack_deadline(LETTERS, &ids, Duration::ZERO);
        back.await.unwrap();
        pulled.len()
    }
}
