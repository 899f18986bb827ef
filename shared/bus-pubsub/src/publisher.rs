//! The `Publisher` port on Pub/Sub.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
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
use tokio::time::timeout;

use super::{ClientError, Options};
use fanout_bus::PUBLISH_LIMIT;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};

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

/// Publishes through one connection pool; make one for a process and share it.
pub struct PubsubPublisher {
    base: BasePublisher,
    options: Options,
    time_limit: Duration,
    topics: Mutex<HashMap<String, Topic>>,
}

/// Google's clients of one topic.
struct Topic {
    current: TopicClient,
    keyed_messages: usize,
    /// Kept so that `flush` reaches a message whose caller stopped waiting before the change.
    previous: Option<TopicClient>,
}

/// What was wrong on this side of the connection.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error("the message has {size} bytes; Pub/Sub takes {MAX_MESSAGE_SIZE}")]
    TooLarge { size: usize },
    #[error("no answer within {} ms", .limit.as_millis())]
    NoAnswer { limit: Duration },
}

impl PubsubPublisher {
    /// Builds Google's client. Connects at the first publish, not here.
    pub async fn new(options: Options) -> Result<Self, ClientError> {
        Self::with_time_limit(options, PUBLISH_TIME_LIMIT).await
    }

    async fn with_time_limit(options: Options, limit: Duration) -> Result<Self, ClientError> {
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
            options,
            time_limit: limit,
            topics: Mutex::default(),
        })
    }

    fn client_for(&self, name: &str, keyed: bool) -> TopicClient {
        let mut topics = self.topics();
        let topic = topics.entry(name.to_owned()).or_insert_with(|| Topic {
            current: self.new_client(name),
            keyed_messages: 0,
            previous: None,
        });
        if keyed && topic.keyed_messages == KEYED_MESSAGES_PER_CLIENT {
            let full = std::mem::replace(&mut topic.current, self.new_client(name));
            topic.previous = Some(full);
            topic.keyed_messages = 0;
        }
        topic.keyed_messages += usize::from(keyed);
        topic.current.clone()
    }

    /// A batch is full with its first message, so that an event leaves at once: each publish here
    /// is awaited by somebody, who would only pay for the wait for company.
    fn new_client(&self, topic: &str) -> TopicClient {
        self.base
            .publisher(self.options.topic_path(topic))
            .set_message_count_threshold(1)
            .build()
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            return Err(PublishError::Refused(Box::new(NotSent::TooLarge { size })));
        }
        let client = self.client_for(topic, !message.ordering_key.is_empty());
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
        match timeout(self.time_limit, published).await {
            Ok(Ok(id)) => Ok(MessageId(id)),
            Ok(Err(error)) => Err(classify(error)),
            Err(_) => Err(PublishError::NoAnswer(Box::new(NotSent::NoAnswer {
                limit: self.time_limit,
            }))),
        }
    }

    /// After [`PUBLISH_TIME_LIMIT`] at the latest.
    async fn flush(&self) {
        let clients: Vec<TopicClient> = self
            .topics()
            .values()
            .flat_map(|topic| topic.previous.iter().chain([&topic.current]).cloned())
            .collect();
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
mod tests {
    use std::sync::Arc;

    use google_cloud_gax::error::rpc::Status;
    use google_cloud_pubsub::Error;
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    fn at(address: std::net::SocketAddr) -> Options {
        Options {
            project: "demo".to_owned(),
            emulator_host: Some(address.to_string()),
        }
    }

    fn keyed(key: &str) -> OutgoingMessage {
        OutgoingMessage {
            data: "x".into(),
            ordering_key: key.to_owned(),
            ..OutgoingMessage::default()
        }
    }

    #[test]
    fn googles_codes_are_refusals_or_silence_or_a_reason_to_try_again() {
        let classified = |code: Code| {
            let cause = Error::service(Status::default().set_code(code));
            classify(GoogleError::Rpc(Arc::new(cause)))
        };
        let refused = |code: Code| matches!(classified(code), PublishError::Refused(_));
        for code in [
            Code::NotFound,
            Code::PermissionDenied,
            Code::InvalidArgument,
            Code::FailedPrecondition,
        ] {
            assert!(refused(code), "{code}");
        }
        for code in [
            Code::Aborted,
            Code::AlreadyExists,
            Code::Cancelled,
            Code::DataLoss,
            Code::Internal,
            Code::OutOfRange,
            Code::ResourceExhausted,
            Code::Unauthenticated,
            Code::Unavailable,
            Code::Unimplemented,
            Code::Unknown,
        ] {
            let found = classified(code);
            assert!(matches!(found, PublishError::Unavailable(_)), "{code}");
        }
        let found = classified(Code::DeadlineExceeded);
        assert!(matches!(found, PublishError::NoAnswer(_)));
    }

    #[test]
    fn a_failure_without_a_code_is_a_reason_to_try_again() {
        let no_code = GoogleError::Rpc(Arc::new(Error::io("broken pipe")));
        for error in [
            no_code,
            GoogleError::OrderingKeyPaused,
            GoogleError::Shutdown,
        ] {
            assert!(matches!(classify(error), PublishError::Unavailable(_)));
        }
    }

    #[tokio::test]
    async fn where_nothing_listens_the_bus_is_unavailable_long_before_the_time_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let limit = Duration::from_secs(3600);
        let publisher = PubsubPublisher::with_time_limit(at(address), limit);
        let publisher = publisher.await.unwrap();
        // Often enough for Google's own throttling to set in, if it were on.
        for attempt in 0..20 {
            let error = publisher.publish("t", keyed("k")).await.unwrap_err();
            assert!(
                matches!(error, PublishError::Unavailable(_)),
                "{attempt}: {error:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_bus_that_hangs_gives_no_answer_and_pauses_no_key() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limit = Duration::from_millis(300);
        let publisher = PubsubPublisher::with_time_limit(at(address), limit)
            .await
            .unwrap();
        for key in ["", "k", "k"] {
            let start = Instant::now();
            let error = publisher.publish("t", keyed(key)).await.unwrap_err();
            assert!(matches!(error, PublishError::NoAnswer(_)), "{error:?}");
            // Waited for, not refused because of the one before.
            assert!(start.elapsed() > limit / 2);
        }
        publisher.flush().await;
        drop(listener);
    }

    #[tokio::test]
    async fn a_message_larger_than_pubsub_takes_is_refused_without_being_sent() {
        let nobody = "127.0.0.1:1".parse().unwrap();
        let publisher = PubsubPublisher::new(at(nobody)).await.unwrap();
        let too_large = OutgoingMessage {
            data: vec![0; MAX_MESSAGE_SIZE].into(),
            ..OutgoingMessage::default()
        };
        let error = publisher.publish("t", too_large).await.unwrap_err();
        assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
        assert!(publisher.topics().is_empty());
    }

    #[tokio::test]
    async fn a_topic_s_client_is_kept_and_renewed_before_it_holds_too_many_keys() {
        let nobody = "127.0.0.1:1".parse().unwrap();
        let publisher = PubsubPublisher::new(at(nobody)).await.unwrap();
        let state = |publisher: &PubsubPublisher| {
            let topics = publisher.topics();
            (topics["t"].keyed_messages, topics["t"].previous.is_some())
        };
        for _ in 0..KEYED_MESSAGES_PER_CLIENT {
            publisher.client_for("t", true);
            publisher.client_for("t", false);
        }
        assert_eq!(state(&publisher), (KEYED_MESSAGES_PER_CLIENT, false));
        publisher.client_for("t", true);
        assert_eq!(state(&publisher), (1, true));
    }
}
