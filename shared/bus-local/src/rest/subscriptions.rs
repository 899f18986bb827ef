//! Subscriptions.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use fanout_runtime::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::error::RestError;
use super::message::ReceivedResource;
use super::names::{plain_name, split_method, unsupported};
use super::paging::{PageParameters, PageQuery};
use super::proto_json::ProtoFields;
use super::subscription_resource::{Resource, read_settings};
use crate::broker::Broker;
use crate::lease::subscription_path;
use crate::pull::PulledMessage;

const KIND: &str = "subscriptions";

/// How long a pull waits for a message, if it may.
const LONGEST_PULL: Duration = Duration::from_secs(3);

pub(super) async fn list(
    State(broker): State<Broker>,
    Path(project): Path<String>,
    page: PageQuery,
) -> Result<Json<Value>, RestError> {
    let page = PageParameters::of(page)?;
    let all = broker.subscriptions().await?;
    let item = |settings| {
        let resource = Resource::of(&project, settings);
        (resource.name().to_owned(), json!(resource))
    };
    let all = all.iter().map(item).collect();
    Ok(Json(page.cut(KIND, &project, all)?))
}

pub(super) async fn describe(
    State(broker): State<Broker>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Resource>, RestError> {
    let settings = broker.subscription(&plain_name(KIND, name)?).await?;
    Ok(Json(Resource::of(&project, &settings)))
}

pub(super) async fn create(
    State(broker): State<Broker>,
    Path((project, name)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Resource>, RestError> {
    let name = plain_name(KIND, name)?;
    let settings = read_settings(&project, name, ProtoFields::of_body(body)?)?;
    let created = Resource::of(&project, &settings);
    broker.create_subscription(settings).await?;
    Ok(Json(created))
}

pub(super) async fn delete(
    State(broker): State<Broker>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<Value>, RestError> {
    broker.delete_subscription(&plain_name(KIND, name)?).await?;
    Ok(Json(json!({})))
}

pub(super) async fn call(
    State(broker): State<Broker>,
    Path((project, segment)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, RestError> {
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
            let received: Vec<ReceivedResource> =
                pulled.into_iter().map(ReceivedResource::from).collect();
            if !received.is_empty() {
                answer = json!({ "receivedMessages": received });
            }
        }
        "acknowledge" => {
            let ack_ids = take_ack_ids(&mut ask)?;
            ask.end()?;
            broker.acknowledge(name, &ack_ids).await?;
        }
        "modifyAckDeadline" => modify_ack_deadline(&broker, name, ask).await?,
        _ => broker.seek(name, read_seek(ask)?).await?,
    }
    Ok(Json(answer))
}

/// Waits a little for a message, unless an answer is wanted at once: a client that asks again and
/// again does not spin.
async fn pull(
    broker: &Broker,
    name: &str,
    mut ask: ProtoFields,
) -> Result<Vec<PulledMessage>, RestError> {
    let most = ask.number("maxMessages")?;
    let return_immediately = ask.flag("returnImmediately")?;
    ask.end()?;
    let most =
        usize::try_from(most)
            .ok()
            .filter(|most| *most > 0)
            .ok_or(RestError::InvalidArgument(
                "`maxMessages` must be at least 1",
            ))?;
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

async fn modify_ack_deadline(
    broker: &Broker,
    name: &str,
    mut ask: ProtoFields,
) -> Result<(), RestError> {
    let ack_ids = take_ack_ids(&mut ask)?;
    let seconds = ask.number("ackDeadlineSeconds")?;
    ask.end()?;
    let seconds =
        u64::try_from(seconds)
            .ok()
            .filter(|it| *it <= 600)
            .ok_or(RestError::InvalidArgument(
                "`ackDeadlineSeconds` must be from 0 to 600",
            ))?;
    let deadline = Duration::from_secs(seconds);
    broker.modify_ack_deadline(name, &ack_ids, deadline).await?;
    Ok(())
}

fn take_ack_ids(ask: &mut ProtoFields) -> Result<Vec<String>, RestError> {
    let ack_ids = ask.texts("ackIds")?;
    if ack_ids.is_empty() {
        return Err(RestError::InvalidArgument("`ackIds` must not be empty"));
    }
    Ok(ack_ids)
}

fn read_seek(mut ask: ProtoFields) -> Result<Timestamp, RestError> {
    ask.refuse(&["snapshot"])?;
    let time = ask.time("time")?;
    ask.end()?;
    time.ok_or(RestError::InvalidArgument("a seek needs a `time`"))
}
