//! A subscription in Google's JSON.

use std::time::Duration;

use serde::Serialize;

use super::error::RestError;
use super::names::topic_path;
use super::proto_json::{ProtoFields, duration_text};
use crate::lease::subscription_path;
use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription, Wrapping};

/// Google's waits where a subscription names none: almost at once, then slower.
const DEFAULT_BACKOFF: Backoff = Backoff {
    min: Duration::from_millis(100),
    max: Duration::from_secs(60),
};
/// And where a retry policy is there, and leaves them open.
const DEFAULT_MIN_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);
const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const SHORTEST_RETENTION: Duration = Duration::from_secs(10 * 60);
const LONGEST_RETENTION: Duration = Duration::from_secs(31 * 24 * 60 * 60);
const DEFAULT_ACK_DEADLINE_SECONDS: u64 = 10;
const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// A subscription as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    name: String,
    topic: String,
    push_config: PushConfigResource,
    ack_deadline_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_policy: Option<DeadLetterResource>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    enable_message_ordering: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    filter: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    retain_acked_messages: bool,
    message_retention_duration: String,
    state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PushConfigResource {
    #[serde(skip_serializing_if = "String::is_empty")]
    push_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_wrapper: Option<NoWrapper>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NoWrapper {
    write_metadata: bool,
}

impl NoWrapper {
    fn of(wrapping: Wrapping) -> Option<Self> {
        match wrapping {
            Wrapping::Wrapped => None,
            Wrapping::Data => Some(Self {
                write_metadata: false,
            }),
            Wrapping::DataWithMetadata => Some(Self {
                write_metadata: true,
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RetryPolicy {
    minimum_backoff: String,
    maximum_backoff: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeadLetterResource {
    dead_letter_topic: String,
    max_delivery_attempts: u32,
}

impl Resource {
    /// Its full name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn of(project: &str, settings: &Subscription) -> Self {
        let backoff = settings.backoff;
        Self {
            name: subscription_path(project, &settings.name),
            topic: topic_path(project, &settings.topic),
            push_config: PushConfigResource {
                push_endpoint: settings.push_endpoint.clone().unwrap_or_default(),
                no_wrapper: NoWrapper::of(settings.wrapping),
            },
            // Google's has whole seconds only.
            ack_deadline_seconds: settings.ack_deadline.as_secs_f64().ceil() as u64,
            // None says that the waits are Google's own.
            retry_policy: (backoff != DEFAULT_BACKOFF).then(|| RetryPolicy {
                minimum_backoff: duration_text(backoff.min),
                maximum_backoff: duration_text(backoff.max),
            }),
            dead_letter_policy: settings
                .dead_letters
                .as_ref()
                .map(|policy| DeadLetterResource {
                    dead_letter_topic: topic_path(project, &policy.topic),
                    max_delivery_attempts: policy.max_attempts,
                }),
            enable_message_ordering: settings.ordered,
            filter: settings.filter.clone().unwrap_or_default(),
            retain_acked_messages: settings.retention.acked,
            message_retention_duration: duration_text(settings.retention.period),
            state: "ACTIVE",
        }
    }
}

/// The settings of a subscription that is to be made. A setting that would be ignored is an error.
pub(super) fn read_settings(
    project: &str,
    name: String,
    mut fields: ProtoFields,
) -> Result<Subscription, RestError> {
    fields.same_name("name", &subscription_path(project, &name))?;
    let topic = fields.resource("topic", "topics")?;
    let filter = fields.text("filter")?;
    let (push_endpoint, wrapping) = read_push_config(&mut fields)?;
    let settings = Subscription {
        name,
        topic: topic.ok_or(RestError::InvalidArgument("a subscription needs a `topic`"))?,
        push_endpoint,
        wrapping,
        ack_deadline: read_ack_deadline(&mut fields)?,
        backoff: read_backoff(&mut fields)?,
        dead_letters: read_dead_letters(&mut fields)?,
        ordered: fields.flag("enableMessageOrdering")?,
        filter: Some(filter).filter(|filter| !filter.is_empty()),
        retention: read_retention(&mut fields)?,
    };
    // Nothing expires here, which an empty policy says.
    if let Some(mut expiration) = fields.message("expirationPolicy")? {
        expiration.refuse(&["ttl"])?;
        expiration.end()?;
    }
    fields.ignore(&[
        "state",
        "topicMessageRetentionDuration",
        "analyticsHubSubscriptionInfo",
    ])?;
    fields.refuse(&["bigqueryConfig", "cloudStorageConfig", "bigtableConfig"])?;
    fields.refuse_unless_empty(&[
        "labels",
        "tags",
        "detached",
        "enableExactlyOnceDelivery",
        "messageTransforms",
    ])?;
    fields.end()?;
    Ok(settings)
}

fn read_push_config(fields: &mut ProtoFields) -> Result<(Option<String>, Wrapping), RestError> {
    let Some(mut push) = fields.message("pushConfig")? else {
        return Ok((None, Wrapping::Wrapped));
    };
    let endpoint = push.text("pushEndpoint")?;
    // The one version there is, which Google's answers name.
    let version = ("x-goog-version".to_owned(), "v1".to_owned());
    let attributes = push.text_map("attributes")?;
    if attributes.into_iter().any(|attribute| attribute != version) {
        let setting = "pushConfig.attributes".to_owned();
        return Err(RestError::UnsupportedSetting(setting));
    }
    let wrapping = read_wrapping(&mut push)?;
    push.refuse(&["oidcToken"])?;
    push.end()?;
    Ok((
        Some(endpoint).filter(|endpoint| !endpoint.is_empty()),
        wrapping,
    ))
}

/// One of the two, and by default the wrapper.
fn read_wrapping(push: &mut ProtoFields) -> Result<Wrapping, RestError> {
    let wrapper = push.message("pubsubWrapper")?;
    let wrapped = wrapper.is_some();
    if let Some(wrapper) = wrapper {
        wrapper.end()?;
    }
    let Some(mut bare) = push.message("noWrapper")? else {
        return Ok(Wrapping::Wrapped);
    };
    let metadata = bare.flag("writeMetadata")?;
    bare.end()?;
    match (wrapped, metadata) {
        (true, _) => Err(RestError::InvalidArgument(
            "`pushConfig` may have one of `pubsubWrapper` and `noWrapper`",
        )),
        (false, true) => Ok(Wrapping::DataWithMetadata),
        (false, false) => Ok(Wrapping::Data),
    }
}

fn read_ack_deadline(fields: &mut ProtoFields) -> Result<Duration, RestError> {
    let seconds = match fields.number("ackDeadlineSeconds")? {
        0 => DEFAULT_ACK_DEADLINE_SECONDS,
        seconds @ 10..=600 => seconds.unsigned_abs().into(),
        _ => {
            let reason = "`ackDeadlineSeconds` must be from 10 to 600";
            return Err(RestError::InvalidArgument(reason));
        }
    };
    Ok(Duration::from_secs(seconds))
}

fn read_retention(fields: &mut ProtoFields) -> Result<Retention, RestError> {
    let period = fields.duration("messageRetentionDuration")?;
    let period = period.unwrap_or(DEFAULT_RETENTION);
    if !(SHORTEST_RETENTION..=LONGEST_RETENTION).contains(&period) {
        let reason = "`messageRetentionDuration` must be from `600s` to `2678400s`";
        return Err(RestError::InvalidArgument(reason));
    }
    Ok(Retention {
        period,
        acked: fields.flag("retainAckedMessages")?,
    })
}

fn read_dead_letters(fields: &mut ProtoFields) -> Result<Option<DeadLetterPolicy>, RestError> {
    let Some(mut policy) = fields.message("deadLetterPolicy")? else {
        return Ok(None);
    };
    let topic = policy.resource("deadLetterTopic", "topics")?;
    let topic = topic.ok_or(RestError::InvalidArgument(
        "`deadLetterPolicy` needs a `deadLetterTopic`",
    ))?;
    let max_attempts = match policy.number("maxDeliveryAttempts")? {
        0 => DEFAULT_MAX_ATTEMPTS,
        attempts @ 5..=100 => attempts.unsigned_abs(),
        _ => {
            let reason = "`maxDeliveryAttempts` must be from 5 to 100";
            return Err(RestError::InvalidArgument(reason));
        }
    };
    policy.end()?;
    Ok(Some(DeadLetterPolicy {
        topic,
        max_attempts,
    }))
}

/// A policy that leaves a wait open has Google's own for it.
fn read_backoff(fields: &mut ProtoFields) -> Result<Backoff, RestError> {
    let Some(mut policy) = fields.message("retryPolicy")? else {
        return Ok(DEFAULT_BACKOFF);
    };
    let mut wait = |name, default| match policy.duration(name)?.unwrap_or(default) {
        wait if wait <= LONGEST_BACKOFF => Ok(wait),
        _ => Err(RestError::InvalidArgument(
            "a back-off must be from `0s` to `600s`",
        )),
    };
    let backoff = Backoff {
        min: wait("minimumBackoff", DEFAULT_MIN_BACKOFF)?,
        max: wait("maximumBackoff", LONGEST_BACKOFF)?,
    };
    policy.end()?;
    Ok(backoff)
}
