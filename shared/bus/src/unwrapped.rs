//! A push without Google's wrapper: the body is the message's data, and headers say the rest.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::SecondsFormat;
use fanout_events::{CORRELATION_ID, GOOGLES_TRACEPARENT, TRACEPARENT, is_identifier};
use fanout_runtime::Timestamp;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::{NotAPush, PushedMessage};

const MESSAGE_ID: &str = "x-goog-pubsub-message-id";
const PUBLISH_TIME: &str = "x-goog-pubsub-publish-time";
const SUBSCRIPTION: &str = "x-goog-pubsub-subscription-name";
const ORDERING_KEY: &str = "x-goog-pubsub-ordering-key";
const DELIVERY_ATTEMPT: &str = "x-goog-pubsub-delivery-attempt";

/// What Google sends where no attribute says what the data is.
const NO_TYPE: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A push that has not been read yet: what its headers say.
pub struct UnwrappedPush {
    message: PushedMessage,
}

impl UnwrappedPush {
    /// Reads the headers. Attributes come as headers of their own names, among those of HTTP: taken
    /// are CloudEvents', the content type, the request that started it all and the trace.
    /// `received_at` stands in for a publish time that is missing.
    pub fn from_headers(headers: &HeaderMap, received_at: Timestamp) -> Result<Self, NotAPush> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let message_id = text(MESSAGE_ID)
            .filter(|id| !id.is_empty())
            .ok_or(NotAPush::NoMetadata)?;
        if !is_identifier(message_id) {
            return Err(NotAPush::MessageId);
        }
        let publish_time = match text(PUBLISH_TIME) {
            Some(time) => Timestamp::from(
                chrono::DateTime::parse_from_rfc3339(time).map_err(|_| NotAPush::Time)?,
            ),
            None => received_at,
        };
        let owned = |name| text(name).unwrap_or_default().to_owned();
        Ok(Self {
            message: PushedMessage {
                message_id: message_id.to_owned(),
                publish_time,
                data: Bytes::new(),
                attributes: attributes(headers),
                ordering_key: owned(ORDERING_KEY),
                subscription: owned(SUBSCRIPTION),
                delivery_attempt: text(DELIVERY_ATTEMPT).and_then(|it| it.parse().ok()),
            },
        })
    }

    /// The message, before its data has come.
    pub fn announced(&self) -> &PushedMessage {
        &self.message
    }

    /// The message with its data: the request's body as it is.
    pub fn with_data(self, data: Bytes) -> PushedMessage {
        PushedMessage {
            data,
            ..self.message
        }
    }
}

fn attributes(headers: &HeaderMap) -> BTreeMap<String, String> {
    let taken = |name: &str| {
        name.starts_with("ce-")
            || [
                CONTENT_TYPE.as_str(),
                CORRELATION_ID,
                TRACEPARENT,
                GOOGLES_TRACEPARENT,
            ]
            .contains(&name)
    };
    let taken = headers.iter().filter(|(name, _)| taken(name.as_str()));
    taken
        .filter_map(|(name, value)| {
            let value = std::str::from_utf8(value.as_bytes()).ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        })
        .collect()
}

impl PushedMessage {
    /// The headers of an unwrapped push. Without `metadata` they say nothing of the message. An
    /// attribute that is no header is left out.
    pub fn to_headers(&self, metadata: bool) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, NO_TYPE)]);
        if !metadata {
            return headers;
        }
        let time = self
            .publish_time
            .to_rfc3339_opts(SecondsFormat::Millis, true);
        let attempt = self.delivery_attempt.map(|it| it.to_string());
        let own = [
            (MESSAGE_ID, Some(self.message_id.as_str())),
            (PUBLISH_TIME, Some(time.as_str())),
            (SUBSCRIPTION, Some(self.subscription.as_str())),
            (
                ORDERING_KEY,
                Some(self.ordering_key.as_str()).filter(|key| !key.is_empty()),
            ),
            (DELIVERY_ATTEMPT, attempt.as_deref()),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in attributes.chain(own) {
            let name = HeaderName::from_bytes(name.to_lowercase().as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> PushedMessage {
        let attributes = [
            ("ce-type", "user.created"),
            ("ce-subject", "usr_1"),
            ("content-type", "application/json"),
            ("correlation_id", "req_1"),
        ];
        PushedMessage {
            message_id: "17".to_owned(),
            publish_time: "2026-11-20T19:08:15.424Z".parse().unwrap(),
            data: "hello".into(),
            attributes: attributes
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ordering_key: "usr_1".to_owned(),
            subscription: "projects/p/subscriptions/s".to_owned(),
            delivery_attempt: Some(2),
        }
    }

    #[test]
    fn what_was_written_into_headers_is_read_back() {
        let mut headers = message().to_headers(true);
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
        headers.insert("authorization", HeaderValue::from_static("Bearer x"));
        let push = UnwrappedPush::from_headers(&headers, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(push.with_data("hello".into()), message());
    }

    #[test]
    fn without_metadata_a_push_cannot_be_told_from_another() {
        let headers = message().to_headers(false);
        assert_eq!(headers.len(), 1);
        let read = UnwrappedPush::from_headers(&headers, Timestamp::UNIX_EPOCH);
        assert_eq!(read.err(), Some(NotAPush::NoMetadata));
    }

    #[test]
    fn an_attribute_that_is_no_header_is_left_out() {
        let mut odd = message();
        odd.attributes
            .insert("two words".to_owned(), "x".to_owned());
        odd.attributes.insert("lines".to_owned(), "a\nb".to_owned());
        assert_eq!(odd.to_headers(true), message().to_headers(true));
    }
}
