//! What services tell each other, across versions and producers.

mod golden;
mod producers;
mod ways_in;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::body::Body;
use fanout_bus::PushedMessage;
use fanout_runtime::Timestamp;
use http::Request;
use tower::ServiceExt;

use crate::support::LoneConsumer;

/// A golden file: a message that was published once.
struct Golden {
    /// Type, version and file.
    name: String,
    data: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

/// All golden files of all domains, by name.
fn golden() -> Vec<Golden> {
    let contracts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/contracts");
    let mut found = Vec::new();
    for domain in fanout_contracts::DOMAINS {
        let root = contracts.join(domain.name).join("golden");
        for event_type in below(&root) {
            for version in below(&event_type) {
                found.extend(below(&version).iter().filter_map(|file| read(&root, file)));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(root: &Path, file: &Path) -> Option<Golden> {
    let name = file.strip_prefix(root).unwrap().display().to_string();
    let name = name.strip_suffix(".json").unwrap().to_owned();
    if name.ends_with(".attributes") {
        return None;
    }
    let attributes = std::fs::read(file.with_extension("attributes.json")).ok();
    Some(Golden {
        name,
        data: std::fs::read(file).unwrap(),
        attributes: attributes
            .map_or_else(BTreeMap::new, |it| serde_json::from_slice(&it).unwrap()),
    })
}

fn message(data: &[u8], attributes: &BTreeMap<String, String>, message_id: &str) -> PushedMessage {
    PushedMessage {
        message_id: message_id.to_owned(),
        publish_time: "2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap(),
        data: data.to_vec().into(),
        attributes: attributes.clone(),
        ordering_key: String::new(),
        subscription: "projects/test/subscriptions/test".to_owned(),
        delivery_attempt: None,
    }
}

/// Pushes a message as Google wraps it, and gives the outcome.
async fn push(consumer: &LoneConsumer, message: &PushedMessage) -> String {
    let request = Request::post("/pubsub/push").header("content-type", "application/json");
    let body = message.to_json().unwrap();
    outcome(consumer, request.body(Body::from(body)).unwrap()).await
}

/// Pushes a message without the wrapper, and gives the outcome.
async fn push_unwrapped(consumer: &LoneConsumer, message: &PushedMessage) -> String {
    let mut request = Request::post("/pubsub/push/unwrapped");
    request
        .headers_mut()
        .unwrap()
        .extend(message.to_headers(true));
    let body = Body::from(message.data.clone());
    outcome(consumer, request.body(body).unwrap()).await
}

async fn outcome(consumer: &LoneConsumer, request: Request<Body>) -> String {
    let response = consumer.app.clone().oneshot(request).await.unwrap();
    let outcome = response.headers().get("x-outcome");
    let status = response.status();
    outcome.map_or_else(|| status.to_string(), |it| it.to_str().unwrap().to_owned())
}
