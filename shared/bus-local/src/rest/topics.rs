//! Topics.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use fanout_bus::OutgoingMessage;
use serde_json::{Value, json};

use super::error::RestError;
use super::names::{plain_name, split_method, topic_path, unsupported};
use super::paging::Page;
use super::proto_json::ProtoFields;
use super::subscriptions::{Answer, Body, Named, OfProject};
use crate::broker::Broker;
use crate::error::BrokerError;
use crate::lease::subscription_path;

const KIND: &str = "topics";

fn resource(project: &str, topic: &str) -> Value {
    json!({ "name": topic_path(project, topic) })
}

pub(super) async fn list((State(broker), Path(project), Extension(page)): OfProject) -> Answer {
    let topics = broker.topics().await?;
    let topics = topics.iter().map(|topic| resource(&project, topic));
    Ok(Json(page.cut(KIND, &project, topics)?))
}

pub(super) async fn describe((State(broker), Path((project, topic))): Named) -> Answer {
    let topic = plain_name(KIND, topic)?;
    check_topic(&broker, &topic).await?;
    Ok(Json(resource(&project, &topic)))
}

async fn check_topic(broker: &Broker, topic: &String) -> Result<(), BrokerError> {
    let known = broker.topics().await?.contains(topic);
    let unknown = || BrokerError::Unknown("topic", topic.clone());
    known.then_some(()).ok_or_else(unknown)
}

pub(super) async fn create((State(broker), Path((project, topic))): Named, body: Body) -> Answer {
    let topic = plain_name(KIND, topic)?;
    let mut settings = ProtoFields::of_body(body)?;
    settings.same_name("name", &topic_path(&project, &topic))?;
    settings.ignore(&["state"])?;
    settings.refuse(&[
        "messageStoragePolicy",
        "schemaSettings",
        "messageRetentionDuration",
        "ingestionDataSourceSettings",
    ])?;
    settings.refuse_unless_empty(&[
        "labels",
        "tags",
        "kmsKeyName",
        "satisfiesPzs",
        "messageTransforms",
    ])?;
    settings.end()?;
    broker.create_topic(&topic).await?;
    Ok(Json(resource(&project, &topic)))
}

pub(super) async fn delete((State(broker), Path((_, topic))): Named) -> Answer {
    broker.delete_topic(&plain_name(KIND, topic)?).await?;
    Ok(Json(json!({})))
}

pub(super) async fn subscriptions(
    (State(broker), Path((project, topic))): Named,
    Extension(page): Extension<Page>,
) -> Answer {
    check_topic(&broker, &topic).await?;
    let all = broker.subscriptions().await?;
    let of_topic = all.iter().filter(|it| it.topic == topic);
    let paths = of_topic.map(|it| subscription_path(&project, &it.name).into());
    Ok(Json(page.cut("subscriptions", &project, paths)?))
}

pub(super) async fn call((State(broker), Path((project, segment))): Named, body: Body) -> Answer {
    let (topic, method) = split_method(&segment);
    if method != "publish" {
        return Err(unsupported(KIND, method));
    }
    let mut publish = ProtoFields::of_body(body)?;
    publish.same_name("topic", &topic_path(&project, topic))?;
    let messages = publish.messages("messages")?.into_iter().map(read_message);
    let messages = messages.collect::<Result<_, _>>()?;
    publish.end()?;
    let ids = broker.publish(topic, messages).await?;
    let ids: Vec<String> = ids.into_iter().map(|id| id.0).collect();
    Ok(Json(json!({ "messageIds": ids })))
}

/// Reads a message to publish. Its id and its time are the broker's to say.
fn read_message(mut fields: ProtoFields) -> Result<OutgoingMessage, RestError> {
    fields.text("messageId")?;
    fields.time("publishTime")?;
    let message = OutgoingMessage {
        data: fields.bytes("data")?.into(),
        attributes: fields.text_map("attributes")?,
        ordering_key: fields.text("orderingKey")?,
    };
    fields.end()?;
    Ok(message)
}
