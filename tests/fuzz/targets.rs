//! What comes from outside, as bytes. Each of these takes any; none may panic, and what they say is
//! checked. `cargo fuzz` makes the bytes (`tests/fuzz/fuzz_targets`), and the tests of the workspace
//! replay those of `tests/fuzz/corpus`.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher, PushedMessage};
use fanout_bus_local::AttributeFilter;
use fanout_events::{Received, decode_message};
use fanout_outbox::Outbox;
use fanout_runtime::{SystemClock, SystemIds, Timestamp};
use fanout_store_sqlite::{Database, SqliteDocuments};
use http::{Method, Request};
use tokio::runtime::Runtime;
use tower::ServiceExt;
use user_service::UserServiceDeps;

/// The body of a push, with all that is in it.
pub fn push_body(data: &[u8]) {
    let Ok(message) = PushedMessage::from_json(data, Timestamp::UNIX_EPOCH) else {
        return;
    };
    let again = PushedMessage::from_json(&message.to_json().unwrap(), Timestamp::UNIX_EPOCH);
    assert_eq!(again.unwrap().message_id, message.message_id);
    read(&message.data, &message.attributes);
}

/// A message's data: ours, typed by hand, or a CloudEvent in either mode.
pub fn envelope(data: &[u8]) {
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pairs.collect::<BTreeMap<_, _>>()
    };
    read(data, &BTreeMap::new());
    read(
        data,
        &pairs(&[("content-type", "application/cloudevents+json")]),
    );
    read(
        data,
        &pairs(&[
            ("ce-specversion", "1.0"),
            ("ce-id", "a"),
            ("ce-type", "user.created"),
            ("ce-source", "s"),
            ("ce-subject", "usr_1"),
        ]),
    );
}

fn read(data: &[u8], attributes: &BTreeMap<String, String>) {
    let received = Received {
        data,
        message_id: "1",
        publish_time: Timestamp::UNIX_EPOCH,
    };
    let Ok(decoded) = decode_message(&received, attributes) else {
        return;
    };
    for known in fanout_contracts::DOMAINS
        .iter()
        .flat_map(|domain| domain.types)
    {
        if let Err(error) = (known.check)(&decoded.event) {
            assert!(!error.to_string().is_empty());
        }
    }
    // What was read is written, and read as the same again.
    let text = decoded.event.to_json().unwrap();
    let again = decode_message(
        &Received {
            data: text.as_bytes(),
            ..received
        },
        &BTreeMap::new(),
    );
    assert_eq!(again.unwrap().event.id, decoded.event.id);
}

/// The bodies of the user service's requests: the first byte says which call.
pub fn http_bodies(data: &[u8]) {
    let Some((call, body)) = data.split_first() else {
        return;
    };
    let (method, path) = match call % 3 {
        0 => (Method::POST, "/users"),
        1 => (Method::PATCH, "/users/usr_1"),
        _ => (Method::DELETE, "/users/usr_1"),
    };
    let media = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media);
    let request = request.body(Body::from(body.to_vec())).unwrap();
    SERVICE.runtime.block_on(async {
        let answer = SERVICE.app.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        assert!(status.as_u16() < 500, "{status}");
        to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    });
}

/// The filter of a subscription.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match text.parse::<AttributeFilter>() {
        Ok(filter) => drop(filter.matches(&BTreeMap::from([("a".to_owned(), "b".to_owned())]))),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

struct Service {
    runtime: Runtime,
    app: Router,
    _data: tempfile::TempDir,
}

/// One for all requests.
static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&data.path().join("db")).unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock));
    let documents = Arc::new(runtime.block_on(documents).unwrap());
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let outbox = Outbox::new(
        documents.clone(),
        Arc::new(Nowhere),
        clock.clone(),
        ids.clone(),
        "user-service",
    );
    let app = user_service::app(UserServiceDeps {
        documents,
        outbox,
        clock,
        ids,
    });
    Service {
        runtime,
        app,
        _data: data,
    }
});

/// A bus that takes everything.
struct Nowhere;

#[async_trait::async_trait]
impl Publisher for Nowhere {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        Ok(MessageId("1".to_owned()))
    }
}
