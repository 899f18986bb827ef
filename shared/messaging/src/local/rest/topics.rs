//! Topics.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RestError;
use super::message::Outgoing;
use super::{read_body, split_method};
use crate::local::broker::Broker;
use crate::local::error::BrokerError;
use crate::local::lease::subscription_path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    #[serde(default)]
    messages: Vec<Outgoing>,
}

fn resource(project: &str, topic: &str) -> Value {
    json!({ "name": format!("projects/{project}/topics/{topic}") })
}

pub(super) async fn list(
    State(broker): State<Broker>,
    Path(project): Path<String>,
) -> Result<Json<Value>, RestError> {
    let topics = broker.topics().await?;
    let topics: Vec<Value> = topics
        .iter()
        .map(|topic| resource(&project, topic))
        .collect();
    Ok(Json(json!({ "topics": topics })))
}

pub(super) async fn describe(
    State(broker): State<Broker>,
    Path((project, topic)): Path<(String, String)>,
) -> Result<Json<Value>, RestError> {
    if broker.topics().await?.contains(&topic) {
        Ok(Json(resource(&project, &topic)))
    } else {
        Err(BrokerError::UnknownTopic(topic).into())
    }
}

pub(super) async fn create(
    State(broker): State<Broker>,
    Path((project, topic)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, RestError> {
    let settings: Map<String, Value> = read_body(body)?;
    if let Some(setting) = settings.keys().find(|setting| *setting != "name") {
        return Err(RestError::UnsupportedSetting(setting.clone()));
    }
    broker.create_topic(&topic).await?;
    Ok(Json(resource(&project, &topic)))
}

pub(super) async fn subscriptions(
    State(broker): State<Broker>,
    Path((project, topic)): Path<(String, String)>,
) -> Result<Json<Value>, RestError> {
    let all = broker.subscriptions().await?;
    let of_topic = all
        .iter()
        .filter(|subscription| subscription.topic == topic);
    let paths: Vec<String> = of_topic
        .map(|subscription| subscription_path(&project, &subscription.name))
        .collect();
    Ok(Json(json!({ "subscriptions": paths })))
}

pub(super) async fn call(
    State(broker): State<Broker>,
    Path((_, segment)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, RestError> {
    match split_method(&segment) {
        (topic, "publish") => {
            let publish: Publish = read_body(body)?;
            let messages = publish.messages.into_iter().map(Outgoing::read);
            let messages = messages.collect::<Result<_, _>>()?;
            let ids = broker.publish(topic, messages).await?;
            let ids: Vec<String> = ids.into_iter().map(|id| id.0).collect();
            Ok(Json(json!({ "messageIds": ids })))
        }
        _ => Err(RestError::Unsupported),
    }
}
