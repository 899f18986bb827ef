//! A subscription in Google's JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::RestError;
use super::{short_name, topic_path};
use crate::lease::subscription_path;
use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription};

/// Google's waits where a subscription names none: almost at once, then slower.
const DEFAULT_BACKOFF: Backoff = Backoff {
    min: Duration::from_millis(100),
    max: Duration::from_secs(60),
};
const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const SHORTEST_RETENTION: Duration = Duration::from_secs(10 * 60);
const LONGEST_RETENTION: Duration = Duration::from_secs(31 * 24 * 60 * 60);
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retain_acked_messages: bool,
    message_retention_duration: String,
    state: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PushConfig {
    #[serde(skip_serializing_if = "String::is_empty")]
    push_endpoint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryPolicy {
    #[serde(default = "ten_seconds")]
    minimum_backoff: String,
    #[serde(default = "ten_minutes")]
    maximum_backoff: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
            retain_acked_messages: false,
            message_retention_duration: written(DEFAULT_RETENTION),
            state: "ACTIVE".to_owned(),
        }
    }
}

impl Resource {
    /// What can be set.
    pub(super) const KNOWN_SETTINGS: [&str; 13] = [
        "name",
        "topic",
        "pushConfig.pushEndpoint",
        "ackDeadlineSeconds",
        "retryPolicy.minimumBackoff",
        "retryPolicy.maximumBackoff",
        "deadLetterPolicy.deadLetterTopic",
        "deadLetterPolicy.maxDeliveryAttempts",
        "enableMessageOrdering",
        "filter",
        "retainAckedMessages",
        "messageRetentionDuration",
        "state",
    ];

    /// Its full name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn of(project: &str, settings: &Subscription) -> Self {
        Self {
            name: subscription_path(project, &settings.name),
            topic: topic_path(project, &settings.topic),
            push_config: PushConfig {
                push_endpoint: settings.push_endpoint.clone().unwrap_or_default(),
            },
            // Google's has whole seconds only.
            ack_deadline_seconds: settings.ack_deadline.as_secs_f64().ceil() as u64,
            retry_policy: RetryPolicy::of(settings.backoff),
            dead_letter_policy: settings.dead_letters.as_ref().map(|policy| DeadLetters {
                dead_letter_topic: topic_path(project, &policy.topic),
                max_delivery_attempts: policy.max_attempts,
            }),
            enable_message_ordering: settings.ordered,
            filter: settings.filter.clone().unwrap_or_default(),
            retain_acked_messages: settings.retention.acked,
            message_retention_duration: written(settings.retention.period),
            state: "ACTIVE".to_owned(),
        }
    }

    pub(super) fn read(self, name: String) -> Result<Subscription, RestError> {
        let backoff = match &self.retry_policy {
            Some(policy) => policy.read()?,
            None => DEFAULT_BACKOFF,
        };
        let period = read_duration(&self.message_retention_duration)
            .filter(|period| (SHORTEST_RETENTION..=LONGEST_RETENTION).contains(period))
            .ok_or(RestError::InvalidArgument(
                "`messageRetentionDuration` must be from `600s` to `2678400s`",
            ))?;
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
            retention: Retention {
                period,
                acked: self.retain_acked_messages,
            },
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

impl RetryPolicy {
    /// None says that the waits are Google's own.
    fn of(backoff: Backoff) -> Option<Self> {
        (backoff != DEFAULT_BACKOFF).then(|| Self {
            minimum_backoff: written(backoff.min),
            maximum_backoff: written(backoff.max),
        })
    }

    fn read(&self) -> Result<Backoff, RestError> {
        let wait = |text| {
            read_duration(text)
                .filter(|wait| wait.as_secs() <= 600)
                .ok_or(RestError::InvalidArgument(
                    "a back-off must be from `0s` to `600s`",
                ))
        };
        Ok(Backoff {
            min: wait(&self.minimum_backoff)?,
            max: wait(&self.maximum_backoff)?,
        })
    }
}

/// Protobuf's JSON for a duration: seconds with a fraction, `1.5s`.
fn written(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

fn read_duration(text: &str) -> Option<Duration> {
    let seconds = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}
