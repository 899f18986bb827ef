//! Topics and subscriptions in Google's JSON.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::doctor::facts::{Expires, Fact, Subscription, Topic, parse_seconds, short_name};
use crate::doctor::place::Place;

/// One page of a list.
pub(super) trait Page: DeserializeOwned {
    /// The token of the next page; empty for none.
    fn next(&self) -> &str;
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Topics {
    pub(super) topics: Vec<TopicResource>,
    next_page_token: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Subscriptions {
    pub(super) subscriptions: Vec<SubscriptionResource>,
    next_page_token: String,
}

impl Page for Topics {
    fn next(&self) -> &str {
        &self.next_page_token
    }
}

impl Page for Subscriptions {
    fn next(&self) -> &str {
        &self.next_page_token
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub(super) error: ErrorStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ErrorStatus {
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct TopicResource {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionResource {
    pub(super) name: String,
    pub(super) topic: String,
    #[serde(default)]
    push_config: PushConfig,
    ack_deadline_seconds: Option<u32>,
    message_retention_duration: Option<String>,
    expiration_policy: Option<ExpirationPolicy>,
    dead_letter_policy: Option<DeadLetters>,
    retry_policy: Option<RetryPolicy>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PushConfig {
    push_endpoint: Option<String>,
    oidc_token: Option<OidcToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OidcToken {
    service_account_email: Option<String>,
}

/// Without `ttl` it never expires.
#[derive(Deserialize)]
pub(super) struct ExpirationPolicy {
    ttl: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeadLetters {
    dead_letter_topic: Option<String>,
    max_delivery_attempts: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryPolicy {
    minimum_backoff: Option<String>,
    maximum_backoff: Option<String>,
}

impl TopicResource {
    pub(super) fn fact(self) -> Topic {
        let place = Place::Project(self.name.clone());
        Topic {
            name: Fact::known(Some(short_name(self.name)), place),
        }
    }
}

impl SubscriptionResource {
    pub(super) fn facts(self) -> Subscription {
        let place = Place::Project(self.name.clone());
        let text = |value: Option<String>| {
            Fact::known(value.filter(|text| !text.is_empty()), place.clone())
        };
        let seconds = |value: Option<String>| text(value).try_map(|text| parse_seconds(&text));
        let (least, most) = match self.retry_policy {
            Some(retry) => (retry.minimum_backoff, retry.maximum_backoff),
            None => (None, None),
        };
        let (letters, attempts) = match self.dead_letter_policy {
            Some(policy) => (policy.dead_letter_topic, policy.max_delivery_attempts),
            None => (None, None),
        };
        let expires = self.expiration_policy.map(|policy| match policy.ttl {
            None => Expires::Never,
            Some(ttl) => Expires::After(ttl),
        });
        let deadline = self
            .ack_deadline_seconds
            .map(|seconds| Duration::from_secs(seconds.into()));
        let identity = self
            .push_config
            .oidc_token
            .and_then(|token| token.service_account_email);
        Subscription {
            name: text(Some(short_name(self.name))),
            topic: text(Some(short_name(self.topic))),
            push_endpoint: text(self.push_config.push_endpoint),
            push_identity: text(identity),
            dead_letter_topic: text(letters).map(short_name),
            max_attempts: Fact::known(attempts.map(f64::from), place.clone()),
            min_backoff: seconds(least),
            max_backoff: seconds(most),
            expires: Fact::known(expires, place.clone()),
            ack_deadline: Fact::known(deadline, place.clone()),
            retention: seconds(self.message_retention_duration),
        }
    }
}
