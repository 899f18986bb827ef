//! A subscription in Google's JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::RestError;
use super::short_name;
use crate::local::lease::subscription_path;
use crate::{Backoff, DeadLetterPolicy, Subscription};

/// Google's waits where a subscription names none: almost at once, then slower.
const DEFAULT_BACKOFF: Backoff = Backoff {
    min: Duration::from_millis(100),
    max: Duration::from_secs(60),
};
const DEFAULT_ACK_DEADLINE_SECONDS: u64 = 10;
const DEFAULT_MAX_ATTEMPTS: u32 = 5;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Resource {
    name: String,
    topic: String,
    push_config: PushConfig,
    ack_deadline_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_policy: Option<DeadLetters>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enable_message_ordering: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    filter: String,
    state: String,
}

const KNOWN: [&str; 9] = [
    "name",
    "topic",
    "pushConfig",
    "ackDeadlineSeconds",
    "retryPolicy",
    "deadLetterPolicy",
    "enableMessageOrdering",
    "filter",
    "state",
];

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct PushConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    push_endpoint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RetryPolicy {
    #[serde(default = "ten_seconds")]
    minimum_backoff: String,
    #[serde(default = "ten_minutes")]
    maximum_backoff: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeadLetters {
    dead_letter_topic: String,
    #[serde(default)]
    max_delivery_attempts: u32,
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

fn ten_minutes() -> String {
    "600s".to_owned()
}

impl Default for Resource {
    fn default() -> Self {
        Self {
            name: String::new(),
            topic: String::new(),
            push_config: PushConfig::default(),
            ack_deadline_seconds: DEFAULT_ACK_DEADLINE_SECONDS,
            retry_policy: None,
            dead_letter_policy: None,
            enable_message_ordering: false,
            filter: String::new(),
            state: "ACTIVE".to_owned(),
        }
    }
}

impl Resource {
    pub(super) fn of(project: &str, settings: &Subscription) -> Self {
        let topic = |name: &str| format!("projects/{project}/topics/{name}");
        Self {
            name: subscription_path(project, &settings.name),
            topic: topic(&settings.topic),
            push_config: PushConfig {
                push_endpoint: settings.push_endpoint.clone().unwrap_or_default(),
            },
            // Google's has whole seconds only.
            ack_deadline_seconds: settings.ack_deadline.as_secs_f64().ceil() as u64,
            retry_policy: Some(RetryPolicy {
                minimum_backoff: format!("{}s", settings.backoff.min.as_secs_f64()),
                maximum_backoff: format!("{}s", settings.backoff.max.as_secs_f64()),
            }),
            dead_letter_policy: settings.dead_letters.as_ref().map(|policy| DeadLetters {
                dead_letter_topic: topic(&policy.topic),
                max_delivery_attempts: policy.max_attempts,
            }),
            enable_message_ordering: settings.ordered,
            filter: settings.filter.clone().unwrap_or_default(),
            state: "ACTIVE".to_owned(),
        }
    }

    /// A setting that would be ignored is an error.
    pub(super) fn check_known(fields: &Map<String, Value>) -> Result<(), RestError> {
        match fields.keys().find(|field| !KNOWN.contains(&field.as_str())) {
            Some(unknown) => Err(RestError::UnsupportedSetting(unknown.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn read(self, name: String) -> Result<Subscription, RestError> {
        let backoff = match &self.retry_policy {
            Some(policy) => Backoff {
                min: read_duration(&policy.minimum_backoff)?,
                max: read_duration(&policy.maximum_backoff)?,
            },
            None => DEFAULT_BACKOFF,
        };
        let ack_deadline_seconds = match self.ack_deadline_seconds {
            0 => DEFAULT_ACK_DEADLINE_SECONDS,
            seconds @ 10..=600 => seconds,
            _ => {
                let reason = "`ackDeadlineSeconds` must be from 10 to 600";
                return Err(RestError::InvalidArgument(reason));
            }
        };
        let endpoint = self.push_config.push_endpoint;
        Ok(Subscription {
            name,
            topic: short_name(&self.topic).to_owned(),
            push_endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
            ack_deadline: Duration::from_secs(ack_deadline_seconds),
            backoff,
            dead_letters: self.dead_letter_policy.map(DeadLetters::read).transpose()?,
            ordered: self.enable_message_ordering,
            filter: Some(self.filter).filter(|filter| !filter.is_empty()),
        })
    }
}

impl DeadLetters {
    fn read(self) -> Result<DeadLetterPolicy, RestError> {
        let max_attempts = match self.max_delivery_attempts {
            0 => DEFAULT_MAX_ATTEMPTS,
            attempts @ 5..=100 => attempts,
            _ => {
                let reason = "`maxDeliveryAttempts` must be from 5 to 100";
                return Err(RestError::InvalidArgument(reason));
            }
        };
        Ok(DeadLetterPolicy {
            topic: short_name(&self.dead_letter_topic).to_owned(),
            max_attempts,
        })
    }
}

/// Protobuf's JSON for a duration: seconds with a fraction, `1.5s`.
fn read_duration(text: &str) -> Result<Duration, RestError> {
    text.strip_suffix('s')
        .and_then(|seconds| seconds.parse().ok())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| duration.as_secs() <= 600)
        .ok_or(RestError::InvalidArgument(
            "a back-off must be from `0s` to `600s`",
        ))
}
