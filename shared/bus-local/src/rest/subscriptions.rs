//! Subscriptions.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use fanout_bus::{MessageJson, ReceivedJson};
use fanout_runtime::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::error::RestError;
use super::names::{plain_name, split_method, unsupported};
use super::paging::Page;
use super::proto_json::ProtoFields;
use super::subscription_resource::{read_settings, resource};
use crate::broker::Broker;
use crate::lease::subscription_path;
use crate::pull::PulledMessage;

const KIND: &str = "subscriptions";

/// How long a pull waits for a message, if it may.
const LONGEST_PULL: Duration = Duration::from_secs(3);

/// What a request for a list asks of a project.
pub(super) type OfProject = (State<Broker>, Path<String>, Extension<Page>);
/// What a request about one thing names: a project, and the thing in it.
pub(super) type Named = (State<Broker>, Path<(String, String)>);
pub(super) type Answer = Result<Json<Value>, RestError>;
pub(super) type Body = Result<Bytes, BytesRejection>;

pub(super) async fn list((State(broker), Path(project), Extension(page)): OfProject) -> Answer {
    let all = broker.subscriptions().await?;
    let item = |settings| resource(&project, settings);
    Ok(Json(page.cut(KIND, &project, all.iter().map(item))?))
}

pub(super) async fn describe((State(broker), Path((project, name))): Named) -> Answer {
    let settings = broker.subscription(&plain_name(KIND, name)?).await?;
    Ok(Json(resource(&project, &settings)))
}

pub(super) async fn create((State(broker), Path((project, name))): Named, body: Body) -> Answer {
    let name = plain_name(KIND, name)?;
    let settings = read_settings(&project, name, ProtoFields::of_body(body)?)?;
    let created = resource(&project, &settings);
    broker.create_subscription(settings).await?;
    Ok(Json(created))
}

pub(super) async fn delete((State(broker), Path((_, name))): Named) -> Answer {
    broker.delete_subscription(&plain_name(KIND, name)?).await?;
    Ok(Json(json!({})))
}

pub(super) async fn call((State(broker), Path((project, segment))): Named, body: Body) -> Answer {
    let (name, method) = split_method(&segment);
    if !["pull", "acknowledge", "modifyAckDeadline", "seek"].contains(&method) {
        return Err(unsupported(KIND, method));
    }
    let mut ask = ProtoFields::of_body(body)?;
    ask.same_name("subscription", &subscription_path(&project, name))?;
    let mut answer = json!({});
    match method {
        "pull" => {
            let pulled = pull(&broker, name, ask).await?;
            let received = pulled.into_iter().map(|pulled| ReceivedJson {
                ack_id: pulled.ack_id,
                delivery_attempt: pulled.message.delivery_attempt,
                message: MessageJson::from(&pulled.message),
            });
            let received: Vec<ReceivedJson> = received.collect();
            if !received.is_empty() {
                answer = json!({ "receivedMessages": received });
            }
        }
        "acknowledge" => {
            let ack_ids = take_ack_ids(&mut ask)?;
            ask.end()?;
            broker.acknowledge(name, &ack_ids).await?;
        }
        "modifyAckDeadline" => {
            let ack_ids = take_ack_ids(&mut ask)?;
            let seconds = ask.ranged("ackDeadlineSeconds", 0, 0..=600)?;
            ask.end()?;
            let deadline = Duration::from_secs(seconds.into());
            broker.modify_ack_deadline(name, &ack_ids, deadline).await?;
        }
        _ => broker.seek(name, read_seek(ask)?).await?,
    }
    Ok(Json(answer))
}

fn must<T>(value: Option<T>, reason: &'static str) -> Result<T, RestError> {
    value.ok_or_else(|| RestError::invalid(reason))
}

/// Waits a little for a message, unless an answer is wanted at once: a client that asks again and
/// again does not spin.
async fn pull(
    broker: &Broker,
    name: &str,
    mut ask: ProtoFields,
) -> Result<Vec<PulledMessage>, RestError> {
    let most = usize::try_from(ask.number("maxMessages")?).ok();
    let return_immediately = ask.flag("returnImmediately")?;
    ask.end()?;
    let most = most.filter(|most| *most > 0);
    let most = must(most, "`maxMessages` must be at least 1")?;
    let deadline = Instant::now() + LONGEST_PULL;
    let mut messages = broker.watch_messages();
    loop {
        messages.mark_unchanged();
        let pulled = broker.pull(name, most).await?;
        if return_immediately || !pulled.is_empty() || Instant::now() >= deadline {
            return Ok(pulled);
        }
        // Whether a message has come or the time is over: look once more.
        let _ = timeout_at(deadline, messages.changed()).await;
    }
}

fn take_ack_ids(ask: &mut ProtoFields) -> Result<Vec<String>, RestError> {
    let ack_ids = Some(ask.texts("ackIds")?).filter(|ids| !ids.is_empty());
    must(ack_ids, "`ackIds` must not be empty")
}

fn read_seek(mut ask: ProtoFields) -> Result<Timestamp, RestError> {
    ask.refuse(&["snapshot"])?;
    let time = ask.time("time")?;
    ask.end()?;
    must(time, "a seek needs a `time`")
}
