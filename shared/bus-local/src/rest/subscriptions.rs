//! Subscriptions.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use fanout_runtime::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::error::RestError;
use super::message::Received;
use super::paging::{Page, PageQuery};
use super::subscription_resource::Resource;
use super::{known_settings, read_body, split_method};
use crate::broker::Broker;
use crate::pull::PulledMessage;

/// How long a pull waits for a message, if it may.
const LONGEST_PULL: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pull {
    #[serde(default)]
    max_messages: usize,
    #[serde(default)]
    return_immediately: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Acknowledge {
    #[serde(default)]
    ack_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModifyAckDeadline {
    #[serde(default)]
    ack_ids: Vec<String>,
    #[serde(default)]
    ack_deadline_seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Seek {
    time: Option<String>,
    snapshot: Option<String>,
}

pub(super) async fn list(
    State(broker): State<Broker>,
    Path(project): Path<String>,
    page: PageQuery,
) -> Result<Json<Value>, RestError> {
    let page = Page::of(page)?;
    let all = broker.subscriptions().await?;
    let item = |settings| {
        let resource = Resource::of(&project, settings);
        (resource.name().to_owned(), json!(resource))
    };
    let all = all.iter().map(item).collect();
    Ok(Json(page.cut("subscriptions", all)))
}

pub(super) async fn describe(
    State(broker): State<Broker>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Resource>, RestError> {
    let settings = broker.subscription(&name).await?;
    Ok(Json(Resource::of(&project, &settings)))
}

pub(super) async fn create(
    State(broker): State<Broker>,
    Path((project, name)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Resource>, RestError> {
    let body = body.map_err(|_| RestError::BodyTooLarge)?;
    let fields: Map<String, Value> = read_body(Ok(body.clone()))?;
    known_settings::check(&fields, &Resource::KNOWN_SETTINGS)?;
    let resource: Resource = read_body(Ok(body))?;
    let settings = resource.read(name)?;
    let created = Resource::of(&project, &settings);
    broker.create_subscription(settings).await?;
    Ok(Json(created))
}

pub(super) async fn delete(
    State(broker): State<Broker>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<Value>, RestError> {
    broker.delete_subscription(&name).await?;
    Ok(Json(json!({})))
}

pub(super) async fn call(
    State(broker): State<Broker>,
    Path((_, segment)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, RestError> {
    match split_method(&segment) {
        (name, "pull") => {
            let pulled = pull(&broker, name, read_body(body)?).await?;
            let received: Vec<Received> = pulled.into_iter().map(Received::from).collect();
            Ok(Json(match received.is_empty() {
                true => json!({}),
                false => json!({ "receivedMessages": received }),
            }))
        }
        (name, "acknowledge") => {
            let Acknowledge { ack_ids } = read_body(body)?;
            check_ack_ids(&ack_ids)?;
            broker.acknowledge(name, &ack_ids).await?;
            Ok(Json(json!({})))
        }
        (name, "modifyAckDeadline") => {
            modify_ack_deadline(&broker, name, read_body(body)?).await?;
            Ok(Json(json!({})))
        }
        (name, "seek") => {
            broker.seek(name, read_seek(read_body(body)?)?).await?;
            Ok(Json(json!({})))
        }
        _ => Err(RestError::Unsupported),
    }
}

/// Waits a little for a message, unless an answer is wanted at once: a client that asks again and
/// again does not spin.
async fn pull(broker: &Broker, name: &str, pull: Pull) -> Result<Vec<PulledMessage>, RestError> {
    if pull.max_messages == 0 {
        let reason = "`maxMessages` must be at least 1";
        return Err(RestError::InvalidArgument(reason));
    }
    let deadline = Instant::now() + LONGEST_PULL;
    let mut messages = broker.watch_messages();
    loop {
        messages.mark_unchanged();
        let pulled = broker.pull(name, pull.max_messages).await?;
        if pull.return_immediately || !pulled.is_empty() || Instant::now() >= deadline {
            return Ok(pulled);
        }
        // Whether a message has come or the time is over: look once more.
        let _ = timeout_at(deadline, messages.changed()).await;
    }
}

async fn modify_ack_deadline(
    broker: &Broker,
    name: &str,
    modify: ModifyAckDeadline,
) -> Result<(), RestError> {
    check_ack_ids(&modify.ack_ids)?;
    if modify.ack_deadline_seconds > 600 {
        let reason = "`ackDeadlineSeconds` must be from 0 to 600";
        return Err(RestError::InvalidArgument(reason));
    }
    let deadline = Duration::from_secs(modify.ack_deadline_seconds);
    broker
        .modify_ack_deadline(name, &modify.ack_ids, deadline)
        .await?;
    Ok(())
}

fn check_ack_ids(ack_ids: &[String]) -> Result<(), RestError> {
    match ack_ids.is_empty() {
        true => Err(RestError::InvalidArgument("`ackIds` must not be empty")),
        false => Ok(()),
    }
}

fn read_seek(seek: Seek) -> Result<Timestamp, RestError> {
    match (seek.time, seek.snapshot) {
        (Some(time), None) => time
            .parse()
            .map_err(|_| RestError::InvalidArgument("`time` must be an RFC 3339 time")),
        (None, Some(_)) => Err(RestError::UnsupportedSetting("snapshot".to_owned())),
        (None, None) | (Some(_), Some(_)) => {
            Err(RestError::InvalidArgument("a seek needs a `time`"))
        }
    }
}
