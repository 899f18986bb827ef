//! A message in Google's JSON.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::SecondsFormat;
use serde::Serialize;

use super::error::RestError;
use super::proto_json::ProtoFields;
use crate::pull::PulledMessage;
use fanout_bus::{OutgoingMessage, PushedMessage};

/// Reads a message to publish. Its id and its time are the broker's to say.
pub(super) fn read_message(mut fields: ProtoFields) -> Result<OutgoingMessage, RestError> {
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

/// A message that was pulled.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceivedResource {
    ack_id: String,
    message: Incoming,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Incoming {
    #[serde(skip_serializing_if = "String::is_empty")]
    data: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    message_id: String,
    publish_time: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ordering_key: String,
}

impl From<PulledMessage> for ReceivedResource {
    fn from(pulled: PulledMessage) -> Self {
        Self {
            ack_id: pulled.ack_id,
            delivery_attempt: pulled.message.delivery_attempt,
            message: pulled.message.into(),
        }
    }
}

impl From<PushedMessage> for Incoming {
    fn from(message: PushedMessage) -> Self {
        let time = message.publish_time;
        Self {
            data: STANDARD.encode(&message.data),
            attributes: message.attributes,
            message_id: message.message_id,
            publish_time: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            ordering_key: message.ordering_key,
        }
    }
}
