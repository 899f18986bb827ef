//! Subscriptions.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RestError;
use super::message::Received;
use super::subscription_resource::Resource;
use super::{read_body, split_method};
use crate::local::broker::Broker;
use crate::local::error::BrokerError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Pull {
    max_messages: usize,
    /// Accepted and of no effect: a pull here always answers at once.
    #[serde(default, rename = "returnImmediately")]
    _return_immediately: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Acknowledge {
    ack_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ModifyAckDeadline {
    ack_ids: Vec<String>,
    ack_deadline_seconds: u64,
}

pub(super) async fn list(
    State(broker): State<Broker>,
    Path(project): Path<String>,
) -> Result<Json<Value>, RestError> {
    let all = broker.subscriptions().await?;
    let all: Vec<Resource> = all
        .iter()
        .map(|settings| Resource::of(&project, settings))
        .collect();
    Ok(Json(json!({ "subscriptions": all })))
}

pub(super) async fn describe(
    State(broker): State<Broker>,
    Path((project, name)): Path<(String, String)>,
) -> Result<Json<Resource>, RestError> {
    let all = broker.subscriptions().await?;
    match all.iter().find(|settings| settings.name == name) {
        Some(settings) => Ok(Json(Resource::of(&project, settings))),
        None => Err(BrokerError::UnknownSubscription(name).into()),
    }
}

pub(super) async fn create(
    State(broker): State<Broker>,
    Path((project, name)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Resource>, RestError> {
    let body = body.map_err(|_| RestError::BodyTooLarge)?;
    let fields: Map<String, Value> = read_body(Ok(body.clone()))?;
    Resource::check_known(&fields)?;
    let resource: Resource = read_body(Ok(body))?;
    let settings = resource.read(name)?;
    let created = Resource::of(&project, &settings);
    broker.create_subscription(settings).await?;
    Ok(Json(created))
}

pub(super) async fn call(
    State(broker): State<Broker>,
    Path((_, segment)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, RestError> {
    match split_method(&segment) {
        (name, "pull") => {
            let pull: Pull = read_body(body)?;
            if pull.max_messages == 0 {
                return Err(RestError::InvalidArgument(
                    "`maxMessages` must be at least 1",
                ));
            }
            let pulled = broker.pull(name, pull.max_messages).await?;
            let received: Vec<Received> = pulled.into_iter().map(Received::from).collect();
            Ok(Json(json!({ "receivedMessages": received })))
        }
        (name, "acknowledge") => {
            let acknowledge: Acknowledge = read_body(body)?;
            broker.acknowledge(name, &acknowledge.ack_ids).await?;
            Ok(Json(json!({})))
        }
        (name, "modifyAckDeadline") => {
            let modify: ModifyAckDeadline = read_body(body)?;
            let deadline = Duration::from_secs(modify.ack_deadline_seconds);
            broker
                .modify_ack_deadline(name, &modify.ack_ids, deadline)
                .await?;
            Ok(Json(json!({})))
        }
        _ => Err(RestError::Unsupported),
    }
}
