//! Topics.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RestError;
use super::message::Outgoing;
use super::paging::{Page, PageQuery};
use super::{known_settings, read_body, split_method, topic_path};
use crate::broker::Broker;
use crate::error::BrokerError;
use crate::lease::subscription_path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    #[serde(default)]
    messages: Vec<Outgoing>,
}

fn resource(project: &str, topic: &str) -> Value {
    json!({ "name": topic_path(project, topic) })
}

pub(super) async fn list(
    State(broker): State<Broker>,
    Path(project): Path<String>,
    page: PageQuery,
) -> Result<Json<Value>, RestError> {
    let page = Page::of(page)?;
    let topics = broker.topics().await?;
    let item = |topic: &String| (topic_path(&project, topic), resource(&project, topic));
    let topics = topics.iter().map(item).collect();
    Ok(Json(page.cut("topics", topics)))
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
    known_settings::check(&settings, &["name"])?;
    broker.create_topic(&topic).await?;
    Ok(Json(resource(&project, &topic)))
}

pub(super) async fn delete(
    State(broker): State<Broker>,
    Path((_, topic)): Path<(String, String)>,
) -> Result<Json<Value>, RestError> {
    broker.delete_topic(&topic).await?;
    Ok(Json(json!({})))
}

pub(super) async fn subscriptions(
    State(broker): State<Broker>,
    Path((project, topic)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Json<Value>, RestError> {
    let page = Page::of(page)?;
    if !broker.topics().await?.contains(&topic) {
        return Err(BrokerError::UnknownTopic(topic).into());
    }
    let all = broker.subscriptions().await?;
    let of_topic = all
        .iter()
        .filter(|subscription| subscription.topic == topic)
        .map(|subscription| subscription_path(&project, &subscription.name));
    let paths = of_topic.map(|path| (path.clone(), path.into())).collect();
    Ok(Json(page.cut("subscriptions", paths)))
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
