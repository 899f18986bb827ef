//! A message in Google's JSON.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use super::error::RestError;
use crate::pull::PulledMessage;
use fanout_bus::{OutgoingMessage, PushedMessage};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// Protobuf's JSON takes both alphabets, with or without padding. gcloud sends the second.
const DECODERS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// A message to publish.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Outgoing {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    ordering_key: String,
}

impl Outgoing {
    pub(super) fn read(self) -> Result<OutgoingMessage, RestError> {
        let data = DECODERS
            .iter()
            .find_map(|decoder| decoder.decode(&self.data).ok())
            .ok_or(RestError::NotBase64("data"))?;
        Ok(OutgoingMessage {
            data: data.into(),
            attributes: self.attributes,
            ordering_key: self.ordering_key,
        })
    }
}

/// A message that was pulled.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Received {
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

impl From<PulledMessage> for Received {
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
