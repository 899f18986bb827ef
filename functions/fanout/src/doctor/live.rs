//! A live project against the table: its topics, subscriptions and services, in Google's JSON.

mod services;

#[cfg(test)]
mod tests;

use std::time::Duration;

use fanout_bus::Subscription;
use serde_json::{Value, json};

use super::Report;
use crate::cli::SystemsFlags;
use crate::google_api::{GoogleApi, GoogleApiError};
use crate::pubsub_rest::PubsubRest;
use system::{Redelivery, deployed};

pub(super) async fn check(
    pubsub: &PubsubRest,
    cloud_run: Option<&GoogleApi>,
    project: &str,
    systems: &SystemsFlags,
) -> Result<Report, GoogleApiError> {
    let topics = pubsub.list("topics").await?;
    let subscriptions = pubsub.list("subscriptions").await?;
    let mut report = compare(project, systems, &topics, &subscriptions);
    if let Some(cloud_run) = cloud_run {
        report.add(services::check(cloud_run, project, systems, &subscriptions).await);
    }
    Ok(report)
}

/// A project may hold what is not Fanout's; of that only subscriptions to Fanout's topics matter.
fn compare(
    project: &str,
    systems: &SystemsFlags,
    topics: &[Value],
    subscriptions: &[Value],
) -> Report {
    let full = |kind: &str, name: &str| format!("projects/{project}/{kind}/{name}");
    // Only the deployment knows the addresses: here the consumer's name stands for them.
    let wanted = deployed(
        Redelivery::PRODUCTION,
        |spec| systems.mean(spec),
        |it| Some(it.consumer.to_owned()),
    );
    let mut findings = Vec::new();
    for topic in &wanted.topics {
        let name = full("topics", topic);
        if named(topics, &name).is_none() {
            findings.push(format!("{name} is missing"));
        }
    }
    for subscription in &wanted.subscriptions {
        let name = full("subscriptions", &subscription.name);
        let Some(found) = named(subscriptions, &name) else {
            findings.push(format!("{name} is missing"));
            continue;
        };
        let different = settings(project, subscription).into_iter();
        let different = different.filter_map(|(path, wanted)| differs(found, path, &wanted));
        let different = different.chain(push_address(found, subscription));
        findings.extend(different.map(|difference| format!("{name}: {difference}")));
    }
    for found in subscriptions {
        let (name, topic) = (text(found, "name"), text(found, "topic"));
        let ours = |known: &String| full("topics", known) == topic;
        let known = |wanted: &Subscription| full("subscriptions", &wanted.name) == name;
        if wanted.topics.iter().any(ours) && !wanted.subscriptions.iter().any(known) {
            findings.push(format!(
                "{name}: it listens to {topic}, and is not in the table"
            ));
        }
    }
    let (topics, subscriptions) = (wanted.topics.len(), wanted.subscriptions.len());
    Report {
        looked_at: vec![format!(
            "projects/{project}: topics: {topics}, subscriptions: {subscriptions}"
        )],
        findings,
    }
}

/// What a subscription must say, by the path of the field. Null is for what must not be set.
fn settings(project: &str, wanted: &Subscription) -> Vec<(&'static str, Value)> {
    let seconds = |duration: Duration| json!(format!("{}s", duration.as_secs_f64()));
    let topic = |name: &str| json!(format!("projects/{project}/topics/{name}"));
    let mut settings = vec![
        ("topic", topic(&wanted.topic)),
        ("filter", json!(wanted.filter)),
        ("enableMessageOrdering", json!(wanted.ordered)),
        ("ackDeadlineSeconds", json!(wanted.ack_deadline.as_secs())),
        ("messageRetentionDuration", seconds(wanted.retention.period)),
        ("retainAckedMessages", json!(wanted.retention.acked)),
        // Never: unset it would be after 31 idle days.
        ("expirationPolicy", json!({})),
    ];
    match &wanted.dead_letters {
        Some(policy) => settings.extend([
            ("deadLetterPolicy.deadLetterTopic", topic(&policy.topic)),
            (
                "deadLetterPolicy.maxDeliveryAttempts",
                json!(policy.max_attempts),
            ),
        ]),
        None => settings.push(("deadLetterPolicy", Value::Null)),
    }
    match &wanted.push_endpoint {
        Some(consumer) => settings.extend([
            (
                "pushConfig.oidcToken.serviceAccountEmail",
                json!(format!("push-{consumer}@{project}.iam.gserviceaccount.com")),
            ),
            ("retryPolicy.minimumBackoff", seconds(wanted.backoff.min)),
            ("retryPolicy.maximumBackoff", seconds(wanted.backoff.max)),
        ]),
        None => settings.push(("pushConfig.pushEndpoint", Value::Null)),
    }
    settings
}

/// A push goes to the consumer's own service, with a token for that service.
fn push_address(found: &Value, wanted: &Subscription) -> Option<String> {
    let service = format!("{}-service", wanted.push_endpoint.as_ref()?);
    match pushed_to(found, &service) {
        Some(address) => differs(found, "pushConfig.oidcToken.audience", &json!(address)),
        None => Some(format!(
            "pushConfig.pushEndpoint is {} and must be /pubsub/push of {service}",
            shown(field(found, "pushConfig.pushEndpoint"))
        )),
    }
}

/// The address of this service, if the subscription pushes to it.
fn pushed_to<'v>(found: &'v Value, service: &str) -> Option<&'v str> {
    let endpoint = text(found, "pushConfig.pushEndpoint");
    let address = endpoint.strip_suffix("/pubsub/push")?;
    let starts = address.starts_with(&format!("https://{service}-"));
    starts.then_some(address)
}

fn differs(found: &Value, path: &str, wanted: &Value) -> Option<String> {
    let found = field(found, path);
    let same = found == wanted || (is_unset(found) && is_unset(wanted));
    (!same).then(|| format!("{path} is {} and must be {}", shown(found), shown(wanted)))
}

/// Google leaves out what is false or empty.
fn is_unset(value: &Value) -> bool {
    value.is_null() || *value == json!(false) || *value == json!("")
}

fn shown(value: &Value) -> String {
    if is_unset(value) {
        "unset".to_owned()
    } else {
        value.to_string()
    }
}

fn field<'v>(resource: &'v Value, path: &str) -> &'v Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    resource.pointer(&pointer).unwrap_or(&Value::Null)
}

fn text<'v>(resource: &'v Value, path: &str) -> &'v str {
    field(resource, path).as_str().unwrap_or_default()
}

fn named<'v>(resources: &'v [Value], name: &str) -> Option<&'v Value> {
    resources.iter().find(|found| text(found, "name") == name)
}
