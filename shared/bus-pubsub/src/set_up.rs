//! Topics and subscriptions on Google's emulator.

use std::time::Duration;

use futures_util::future::try_join_all;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::error::Error as GoogleError;
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::client::{SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model;
use tokio::time::timeout;

use super::{ClientError, Options};
use fanout_bus::{Subscription, Topology, Wrapping};

/// How long [`set_up`] may take.
pub const SET_UP_TIME_LIMIT: Duration = Duration::from_secs(30);

/// What of a subscription can be changed later on the emulator; the rest must be as wanted.
const CHANGEABLE: [&str; 4] = [
    "ack_deadline_seconds",
    "dead_letter_policy",
    "push_config",
    "retry_policy",
];

/// Why the emulator was not set up. Some topics and subscriptions may be there all the same;
/// setting up again goes on from them.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The options name no emulator.
    #[error(
        "topics and subscriptions are only set up on an emulator; Terraform makes Google Cloud's"
    )]
    NotAnEmulator,
    /// Google's client could not be built.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A topic could not be created.
    #[error("the topic `{0}` cannot be created on the Pub/Sub emulator")]
    Topic(String, #[source] Box<GoogleError>),
    /// A subscription could not be created or brought up to date.
    #[error("the subscription `{0}` cannot be set up on the Pub/Sub emulator")]
    Subscription(String, #[source] Box<GoogleError>),
    /// A subscription of that name is there, and what differs cannot be changed.
    #[error(
        "the Pub/Sub emulator already has a subscription `{0}` with another {1}, which cannot be changed: delete it, or start the emulator anew"
    )]
    Different(String, &'static str),
    /// The emulator does not answer.
    #[error("the Pub/Sub emulator was not set up within {} s", SET_UP_TIME_LIMIT.as_secs())]
    NoAnswer,
}

/// Creates the topology's topics and subscriptions on the emulator. What is there already is kept,
/// with its messages, and brought up to date.
///
/// The emulator is not the real service: filters are stored and not applied, and [`Subscription`]'s
/// `backoff` is left out, as is the dead-letter policy of one that keeps order, see the comments in
/// `wanted`. A dead-letter policy wants 5 to 100 attempts.
/// Messages are kept for 7 days, the most that the emulator takes.
pub async fn set_up(options: &Options, topology: &Topology) -> Result<(), SetUpError> {
    timeout(SET_UP_TIME_LIMIT, create(options, topology))
        .await
        .unwrap_or(Err(SetUpError::NoAnswer))
}

async fn create(options: &Options, topology: &Topology) -> Result<(), SetUpError> {
    let endpoint = options
        .emulator_endpoint()
        .ok_or(SetUpError::NotAnEmulator)?;
    let topics = TopicAdmin::builder()
        .with_endpoint(endpoint.as_str())
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .map_err(ClientError::from)?;
    let subscriptions = SubscriptionAdmin::builder()
        .with_endpoint(endpoint)
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .map_err(ClientError::from)?;
    // A subscription needs its topics, dead-letter topics too.
    let names = topology.topics.iter();
    try_join_all(names.map(|name| create_topic(&topics, options, name))).await?;
    let wanted = topology.subscriptions.iter();
    try_join_all(wanted.map(|it| create_subscription(&subscriptions, options, it))).await?;
    Ok(())
}

async fn create_topic(admin: &TopicAdmin, options: &Options, name: &str) -> Result<(), SetUpError> {
    let topic = admin.create_topic().set_name(options.topic_path(name));
    match topic.send().await {
        Ok(_) => Ok(()),
        Err(error) if already_exists(&error) => Ok(()),
        Err(error) => Err(SetUpError::Topic(name.to_owned(), error.into())),
    }
}

async fn create_subscription(
    admin: &SubscriptionAdmin,
    options: &Options,
    subscription: &Subscription,
) -> Result<(), SetUpError> {
    let wanted = wanted(options, subscription);
    let creation = admin.create_subscription().with_request(wanted.clone());
    match creation.send().await {
        Ok(_) => Ok(()),
        Err(error) if already_exists(&error) => update(admin, &subscription.name, wanted).await,
        Err(error) => Err(refused(&subscription.name, error)),
    }
}

async fn update(
    admin: &SubscriptionAdmin,
    name: &str,
    wanted: model::Subscription,
) -> Result<(), SetUpError> {
    let mut request = model::UpdateSubscriptionRequest::new().set_subscription(wanted.clone());
    request.update_mask.get_or_insert_default().paths = CHANGEABLE.map(str::to_owned).to_vec();
    let updated = admin.update_subscription().with_request(request).send();
    let updated = updated.await.map_err(|error| refused(name, error))?;
    let ordering = updated.enable_message_ordering != wanted.enable_message_ordering;
    let different = [
        ("topic", updated.topic != wanted.topic),
        ("message ordering", ordering),
        ("filter", updated.filter != wanted.filter),
    ];
    match different.into_iter().find(|(_, differs)| *differs) {
        Some((property, _)) => Err(SetUpError::Different(name.to_owned(), property)),
        None => Ok(()),
    }
}

fn refused(name: &str, error: GoogleError) -> SetUpError {
    SetUpError::Subscription(name.to_owned(), error.into())
}

/// The subscription as it should be on the emulator.
fn wanted(options: &Options, subscription: &Subscription) -> model::Subscription {
    let endpoint = subscription.push_endpoint.as_deref();
    let push_config = endpoint.map(|endpoint| push_config(endpoint, subscription.wrapping));
    // What keeps failing is tried for ever where order is kept: a message that has run out of
    // attempts there the emulator drops, instead of forwarding it.
    let policy = subscription.dead_letters.as_ref();
    let dead_letters = policy.filter(|_| !subscription.ordered).map(|policy| {
        model::DeadLetterPolicy::new()
            .set_dead_letter_topic(options.topic_path(&policy.topic))
            .set_max_delivery_attempts(saturated(policy.max_attempts.into()))
    });
    // No retry policy, although the real service gets one: with it the emulator loses messages as
    // soon as two of a subscription fail. They are never pushed again nor dead-lettered. Without
    // it a message that fails is pushed again every second.
    model::Subscription::new()
        .set_name(options.subscription_path(&subscription.name))
        .set_topic(options.topic_path(&subscription.topic))
        .set_or_clear_push_config(push_config)
        .set_ack_deadline_seconds(saturated(subscription.ack_deadline.as_secs()))
        .set_or_clear_dead_letter_policy(dead_letters)
        .set_enable_message_ordering(subscription.ordered)
        .set_filter(subscription.filter.clone().unwrap_or_default())
        .set_retain_acked_messages(subscription.retention.acked)
}

fn push_config(endpoint: &str, wrapping: Wrapping) -> model::PushConfig {
    let config = model::PushConfig::new().set_push_endpoint(endpoint);
    match wrapping {
        Wrapping::Wrapped => config,
        Wrapping::Bare { metadata } => {
            let bare = model::push_config::NoWrapper::new();
            config.set_no_wrapper(bare.set_write_metadata(metadata))
        }
    }
}

/// A number in Google's type. One too large for it is far out of range, and the emulator says so.
fn saturated(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn already_exists(error: &GoogleError) -> bool {
    let status = error.status();
    status.is_some_and(|status| status.code == Code::AlreadyExists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fanout_bus::{Backoff, DeadLetterPolicy, Retention};

    fn options() -> Options {
        Options {
            project: "demo".to_owned(),
            emulator_host: None,
        }
    }

    #[tokio::test]
    async fn without_an_emulator_nothing_is_created() {
        let error = set_up(&options(), &Topology::default()).await.unwrap_err();
        assert!(matches!(error, SetUpError::NotAnEmulator));
    }

    #[test]
    fn the_emulator_gets_everything_but_what_makes_it_lose_messages() {
        let ordered = Subscription {
            name: "s".to_owned(),
            topic: "t".to_owned(),
            push_endpoint: Some("http://localhost:1/pubsub/push".to_owned()),
            wrapping: Default::default(),
            ack_deadline: Duration::from_secs(60),
            backoff: Backoff {
                min: Duration::from_secs(1),
                max: Duration::from_secs(10),
            },
            dead_letters: Some(DeadLetterPolicy {
                topic: "d".to_owned(),
                max_attempts: 5,
            }),
            ordered: true,
            filter: Some("attributes:x".to_owned()),
            retention: Retention {
                period: Duration::from_secs(31 * 24 * 60 * 60),
                acked: true,
            },
        };
        let expected = model::Subscription::new()
            .set_name("projects/demo/subscriptions/s")
            .set_topic("projects/demo/topics/t")
            .set_push_config(
                model::PushConfig::new().set_push_endpoint("http://localhost:1/pubsub/push"),
            )
            .set_ack_deadline_seconds(60)
            .set_dead_letter_policy(
                model::DeadLetterPolicy::new()
                    .set_dead_letter_topic("projects/demo/topics/d")
                    .set_max_delivery_attempts(5),
            )
            .set_filter("attributes:x")
            .set_retain_acked_messages(true);
        let unordered = Subscription {
            ordered: false,
            ..ordered.clone()
        };
        assert_eq!(wanted(&options(), &unordered), expected);
        let expected = expected
            .set_or_clear_dead_letter_policy(None::<model::DeadLetterPolicy>)
            .set_enable_message_ordering(true);
        assert_eq!(wanted(&options(), &ordered), expected);
    }
}
