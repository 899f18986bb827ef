//! The `Publisher` port on Pub/Sub.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_gax::retry_throttler::CircuitBreaker;
use google_cloud_pubsub::client::{BasePublisher, Publisher as TopicClient};
use google_cloud_pubsub::error::PublishError as GoogleError;
use google_cloud_pubsub::model::Message;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{ClientError, Options};
use fanout_bus::{MessageId, OutgoingMessage, PUBLISH_LIMIT, PublishError, Publisher};
use fanout_runtime::error_chain;

/// How long one publish may take, tries and waits included. Shorter than the outbox waits, which
/// holds the subject for as long: so a key's next message is given to Google's client when the one
/// before has been answered or given up, and never falls with it.
pub const PUBLISH_TIME_LIMIT: Duration = Duration::from_secs(8);

const _: () = assert!(PUBLISH_TIME_LIMIT.as_millis() < PUBLISH_LIMIT.as_millis());

/// How often a message is sent. The outbox repeats what fails; these tries are for the connection
/// that was closed while the container slept, so that its first event need not wait for the relay.
const TRIES: u32 = 3;

/// The wait before the second try; the third waits up to twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What Pub/Sub takes in one request, in bytes. Checked here because the emulator hangs on more.
const MAX_MESSAGE_SIZE: usize = 10_000_000;

/// How many messages with an ordering key one of Google's topic clients gets.
///
/// That client keeps a task and its queue (measured: 10 KB) for each ordering key it has ever seen.
/// Here the key is an event's subject, so every new user would add one for the life of the process.
const KEYED_MESSAGES_PER_CLIENT: usize = 500;

/// For what part of the time limit a connection may leave all its messages unanswered. After that it
/// has gone silent: without a reset, Google's client would send on it for ever.
const SILENT: f32 = 0.25;

/// Publishes through one connection; make one for a process and share it.
pub struct PubsubPublisher {
    options: Options,
    time_limit: Duration,
    connection: Mutex<Connection>,
}

/// Google's client, and what is made of it.
struct Connection {
    base: BasePublisher,
    topics: HashMap<String, Topic>,
    /// When the first message since the last answer was sent.
    unanswered: Option<Instant>,
}

/// Google's clients of one topic.
struct Topic {
    current: TopicClient,
    keyed_messages: usize,
    /// Kept so that `flush` reaches a message whose caller stopped waiting before the change.
    previous: Option<TopicClient>,
}

impl PubsubPublisher {
    /// Builds Google's client. Connects at the first publish, not here.
    pub async fn new(options: Options) -> Result<Self, ClientError> {
        Self::with_time_limit(options, PUBLISH_TIME_LIMIT).await
    }

    async fn with_time_limit(options: Options, limit: Duration) -> Result<Self, ClientError> {
        let connection = Connection::new(&options, limit).await?;
        Ok(Self {
            options,
            time_limit: limit,
            connection: Mutex::new(connection),
        })
    }

    /// The client for the next message, on a connection that is not known to be silent.
    async fn client_for(&self, topic: &str, keyed: bool) -> TopicClient {
        let mut connection = self.connection.lock().await;
        let is_silent = |at: Instant| at.elapsed() > self.time_limit.mul_f32(SILENT);
        if connection.unanswered.is_some_and(is_silent) {
            tracing::warn!("Pub/Sub gives no answer; connecting anew");
            match Connection::new(&self.options, self.time_limit).await {
                Ok(anew) => *connection = anew,
                Err(error) => tracing::error!(error = %error_chain(&error), "cannot connect anew"),
            }
        }
        connection.unanswered.get_or_insert_with(Instant::now);
        connection.client_for(&self.options.topic_path(topic), keyed)
    }
}

impl Connection {
    /// Connects at the first publish, not here.
    async fn new(options: &Options, limit: Duration) -> Result<Self, ClientError> {
        // Google's client gives up before this adapter does, for the same reason.
        let retries = RetryableErrors
            .with_time_limit(limit.mul_f32(0.8))
            .with_attempt_limit(TRIES);
        let waits = ExponentialBackoffBuilder::new()
            .with_initial_delay(FIRST_WAIT)
            .with_maximum_delay(2 * FIRST_WAIT)
            .clamp();
        // Google's default throttles tries during an outage, and a throttled try is no try: it
        // waits on until the time limit instead of failing after the last try. This one never does.
        let unthrottled = CircuitBreaker::clamp(1, 0, 0);
        let mut builder = BasePublisher::builder()
            .with_retry_policy(retries)
            .with_backoff_policy(waits)
            .with_retry_throttler(unthrottled);
        if let Some(endpoint) = options.emulator_endpoint() {
            builder = builder
                .with_endpoint(endpoint)
                .with_credentials(anonymous::Builder::new().build());
        }
        Ok(Self {
            base: builder.build().await?,
            topics: HashMap::new(),
            unanswered: None,
        })
    }

    fn client_for(&mut self, path: &str, keyed: bool) -> TopicClient {
        let new_client = || new_client(&self.base, path);
        let topic = self.topics.entry(path.to_owned()).or_insert_with(|| Topic {
            current: new_client(),
            keyed_messages: 0,
            previous: None,
        });
        if keyed && topic.keyed_messages == KEYED_MESSAGES_PER_CLIENT {
            let full = std::mem::replace(&mut topic.current, new_client());
            topic.previous = Some(full);
            topic.keyed_messages = 0;
        }
        topic.keyed_messages += usize::from(keyed);
        topic.current.clone()
    }
}

/// A batch is full with its first message, so that an event leaves at once: whoever awaits it would
/// only pay for the wait for company.
fn new_client(base: &BasePublisher, topic: &str) -> TopicClient {
    let client = base.publisher(topic);
    client.set_message_count_threshold(1).build()
}

#[async_trait]
impl Publisher for PubsubPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let size = size_of(topic, &message);
        if size > MAX_MESSAGE_SIZE {
            let cause = format!("the message has {size} bytes; Pub/Sub takes {MAX_MESSAGE_SIZE}");
            return Err(PublishError::Refused(cause.into()));
        }
        let client = self.client_for(topic, !message.ordering_key.is_empty());
        let client = client.await;
        let send = || {
            let message = message.clone();
            let message = Message::new()
                .set_data(message.data)
                .set_attributes(message.attributes)
                .set_ordering_key(message.ordering_key);
            client.publish(message)
        };
        let published = async {
            match send().await {
                // Google's client refuses a key after a failure until it is resumed. Order and
                // retries are the outbox's, so each publish is a new try. Resumed once the client
                // says so: before that it may be about to pause.
                Err(GoogleError::OrderingKeyPaused) => {
                    client.resume_publish(message.ordering_key.as_str());
                    send().await
                }
                sent => sent,
            }
        };
        let published = match timeout(self.time_limit, published).await {
            Ok(published) => published.map(MessageId).map_err(classify),
            Err(_) => {
                let cause = format!("no answer within {} ms", self.time_limit.as_millis());
                Err(PublishError::NoAnswer(cause.into()))
            }
        };
        if !matches!(published, Err(PublishError::NoAnswer(_))) {
            self.connection.lock().await.unanswered = None;
        }
        published
    }

    /// After [`PUBLISH_TIME_LIMIT`] at the latest.
    async fn flush(&self) {
        let connection = self.connection.lock().await;
        let topics = connection.topics.values();
        let clients = topics.flat_map(|topic| topic.previous.iter().chain([&topic.current]));
        let clients: Vec<TopicClient> = clients.cloned().collect();
        drop(connection);
        let flushed = join_all(clients.iter().map(TopicClient::flush));
        if timeout(self.time_limit, flushed).await.is_err() {
            tracing::warn!("messages were still on their way to Pub/Sub when waiting ended");
        }
    }
}

/// What counts against [`MAX_MESSAGE_SIZE`].
fn size_of(topic: &str, message: &OutgoingMessage) -> usize {
    let attributes = message.attributes.iter();
    let attributes: usize = attributes
        .map(|(name, value)| name.len() + value.len())
        .sum();
    topic.len() + message.data.len() + message.ordering_key.len() + attributes
}

fn classify(error: GoogleError) -> PublishError {
    // No cause: paused key, client shut down; a later try may work.
    let (code, timed_out) = match &error {
        GoogleError::Rpc(cause) => (cause.status().map(|status| status.code), ran_out(cause)),
        _ => (None, false),
    };
    if code.is_some_and(is_refusal) {
        PublishError::Refused(Box::new(error))
    } else if timed_out || code == Some(Code::DeadlineExceeded) {
        PublishError::NoAnswer(Box::new(error))
    } else {
        PublishError::Unavailable(Box::new(error))
    }
}

/// Whether the client stopped waiting, by itself or below the tries that it counts.
fn ran_out(error: &google_cloud_pubsub::Error) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |it| it.source());
    causes.any(|cause| {
        let cause = cause.downcast_ref::<google_cloud_pubsub::Error>();
        cause.is_some_and(google_cloud_pubsub::Error::is_timeout)
    })
}

/// Whether the same message would get the same answer again, until somebody changes the topic, its
/// permissions or this program.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::NotFound | Code::PermissionDenied | Code::InvalidArgument | Code::FailedPrecondition
    )
}

#[cfg(test)]
mod tests;
