//! A message in Google's JSON.

use fanout_bus::{MessageJson, OutgoingMessage};
use serde::Serialize;

use super::error::RestError;
use super::proto_json::ProtoFields;
use crate::pull::PulledMessage;

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
    message: MessageJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_attempt: Option<u32>,
}

impl From<PulledMessage> for ReceivedResource {
    fn from(pulled: PulledMessage) -> Self {
        Self {
            ack_id: pulled.ack_id,
            delivery_attempt: pulled.message.delivery_attempt,
            message: MessageJson::from(&pulled.message),
        }
    }
}
