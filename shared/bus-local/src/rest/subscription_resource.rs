//! A subscription in Google's JSON.

use std::ops::RangeInclusive;
use std::time::Duration;

use fanout_bus::{Backoff, DeadLetterPolicy, Retention, Subscription, Wrapping};
use serde_json::{Value, json};

use super::error::RestError;
use super::names::topic_path;
use super::proto_json::{ProtoFields, is_empty};
use super::proto_scalars::duration_text;
use crate::lease::subscription_path;

/// Google's waits where a subscription names none: almost at once, then slower.
const DEFAULT_BACKOFF: Backoff = Backoff {
    min: Duration::from_millis(100),
    max: Duration::from_secs(60),
};
/// And where a retry policy is there, and leaves them open.
const DEFAULT_MIN_BACKOFF: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);
const DEFAULT_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const RETENTIONS: RangeInclusive<Duration> =
    Duration::from_secs(10 * 60)..=Duration::from_secs(31 * 24 * 60 * 60);

/// A subscription as it is answered. What is not set is left out, as Google does.
pub(super) fn resource(project: &str, settings: &Subscription) -> Value {
    let backoff = settings.backoff;
    // None says that the waits are Google's own.
    let retry_policy = (backoff != DEFAULT_BACKOFF).then(|| {
        json!({
            "minimumBackoff": duration_text(backoff.min),
            "maximumBackoff": duration_text(backoff.max),
        })
    });
    let dead_letter_policy = settings.dead_letters.as_ref().map(|policy| {
        json!({
            "deadLetterTopic": topic_path(project, &policy.topic),
            "maxDeliveryAttempts": policy.max_attempts,
        })
    });
    let mut resource = json!({
        "name": subscription_path(project, &settings.name),
        "topic": topic_path(project, &settings.topic),
        // Google's has whole seconds only.
        "ackDeadlineSeconds": settings.ack_deadline.as_secs_f64().ceil() as u64,
        "retryPolicy": retry_policy,
        "deadLetterPolicy": dead_letter_policy,
        "enableMessageOrdering": settings.ordered,
        "filter": settings.filter,
        "retainAckedMessages": settings.retention.acked,
        "messageRetentionDuration": duration_text(settings.retention.period),
        "state": "ACTIVE",
    });
    if let Some(fields) = resource.as_object_mut() {
        fields.retain(|_, value| !is_empty(value));
    }
    resource["pushConfig"] = match &settings.push_endpoint {
        Some(endpoint) => json!({ "pushEndpoint": endpoint }),
        None => json!({}),
    };
    if let Wrapping::Bare { metadata } = settings.wrapping {
        resource["pushConfig"]["noWrapper"] = json!({ "writeMetadata": metadata });
    }
    resource
}

/// The settings of a subscription that is to be made. A setting that would be ignored is an error.
pub(super) fn read_settings(
    project: &str,
    name: String,
    mut fields: ProtoFields,
) -> Result<Subscription, RestError> {
    fields.same_name("name", &subscription_path(project, &name))?;
    let topic = fields.topic("topic")?;
    let filter = fields.text("filter")?;
    let ack_deadline = fields.ranged("ackDeadlineSeconds", 10, 10..=600)?;
    let (push_endpoint, wrapping) = read_push_config(&mut fields)?;
    let settings = Subscription {
        name,
        topic: topic.ok_or_else(|| RestError::invalid("a subscription needs a `topic`"))?,
        push_endpoint,
        wrapping,
        ack_deadline: Duration::from_secs(ack_deadline.into()),
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
        return Err(RestError::unsupported_setting("pushConfig.attributes"));
    }
    let wrapping = read_wrapping(&mut push)?;
    push.refuse(&["oidcToken"])?;
    push.end()?;
    let endpoint = Some(endpoint).filter(|endpoint| !endpoint.is_empty());
    Ok((endpoint, wrapping))
}

/// One of the two, and by default the wrapper.
fn read_wrapping(push: &mut ProtoFields) -> Result<Wrapping, RestError> {
    let wrapper = push.message("pubsubWrapper")?;
    let wrapped = wrapper.map(ProtoFields::end).transpose()?.is_some();
    let Some(mut bare) = push.message("noWrapper")? else {
        return Ok(Wrapping::Wrapped);
    };
    let metadata = bare.flag("writeMetadata")?;
    bare.end()?;
    if wrapped {
        let both = "`pushConfig` may have one of `pubsubWrapper` and `noWrapper`";
        return Err(RestError::invalid(both));
    }
    Ok(Wrapping::Bare { metadata })
}

fn read_retention(fields: &mut ProtoFields) -> Result<Retention, RestError> {
    let period = fields.duration("messageRetentionDuration")?;
    let period = period.unwrap_or(DEFAULT_RETENTION);
    let reason = "`messageRetentionDuration` must be from `600s` to `2678400s`";
    if !RETENTIONS.contains(&period) {
        return Err(RestError::invalid(reason));
    }
    let acked = fields.flag("retainAckedMessages")?;
    Ok(Retention { period, acked })
}

fn read_dead_letters(fields: &mut ProtoFields) -> Result<Option<DeadLetterPolicy>, RestError> {
    let Some(mut policy) = fields.message("deadLetterPolicy")? else {
        return Ok(None);
    };
    let missing = || RestError::invalid("`deadLetterPolicy` needs a `deadLetterTopic`");
    let topic = policy.topic("deadLetterTopic")?.ok_or_else(missing)?;
    let max_attempts = policy.ranged("maxDeliveryAttempts", 5, 5..=100)?;
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
    let min = policy.duration("minimumBackoff")?;
    let max = policy.duration("maximumBackoff")?;
    policy.end()?;
    let backoff = Backoff {
        min: min.unwrap_or(DEFAULT_MIN_BACKOFF),
        max: max.unwrap_or(LONGEST_BACKOFF),
    };
    if backoff.min.max(backoff.max) > LONGEST_BACKOFF {
        let reason = "a back-off must be from `0s` to `600s`";
        return Err(RestError::invalid(reason));
    }
    Ok(backoff)
}
