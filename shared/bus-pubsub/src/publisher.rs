//! The `Publisher` port on Pub/Sub.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PUBLISH_LIMIT, PublishError, Publisher};
use fanout_google_grpc::write::{USUAL, put_bytes, put_nested};
use fanout_google_grpc::{Api, Channel, call, is_answer, said};
use fanout_runtime::{BoxError, error_chain};
use gcloud_sdk::google::pubsub::v1::PublishResponse;
use gcloud_sdk::prost::bytes::Bytes;
use gcloud_sdk::tonic::{Code, Request, Status};
use http::HeaderValue;
use tokio::time::{Instant, sleep, timeout_at};

use super::{ClientError, Options};

/// How long one publish may take, tries and waits included. Shorter than the outbox waits, which holds
/// the subject for as long: so a key's next message is sent when the one before has been answered or
/// given up, and Pub/Sub no longer takes that. What a silent connection delivers later all the same is a
/// duplicate, which consumers absorb.
pub const PUBLISH_TIME_LIMIT: Duration = Duration::from_secs(8);

/// How much longer Pub/Sub may take a message, at most, than the publisher waits: the client library
/// counts that time, too.
const LONGER: u64 = 2;

const _: () = assert!(PUBLISH_TIME_LIMIT.as_secs() + LONGER <= PUBLISH_LIMIT.as_secs());

/// How often a message is sent. The outbox repeats what fails; these tries are for the connection
/// that was closed while the container slept, so that its first event need not wait for the relay.
const TRIES: u32 = 3;

/// The wait before the second try; the third waits twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What Pub/Sub takes in one request, in bytes. Checked here because the emulator hangs on more.
const MAX_REQUEST_SIZE: usize = 10_000_000;

/// For what part of the time limit a connection may leave all its messages unanswered. After that it
/// has gone silent, or its credentials have died. Messages would be sent on it in vain, for two minutes
/// where it was not reset, and for ever without credentials.
const SILENT: f32 = 0.25;

/// Between two times that new credentials are asked for, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

const SERVICE: &str = "https://pubsub.googleapis.com";
const PUBLISH: &str = "/google.pubsub.v1.Publisher/Publish";

/// By which Google routes a request that names its resource in the message alone (AIP-4222).
const ROUTING: &str = "x-goog-request-params";

/// Publishes through one connection; make one for a process and share it. A publish that is dropped is
/// cancelled, so that nothing of it remains here.
pub struct PubsubPublisher {
    options: Options,
    time_limit: Duration,
    /// Makes one with new credentials.
    make_api: Box<dyn Fn() -> Result<Api, BoxError> + Send + Sync>,
    connection: Mutex<Connection>,
}

struct Connection {
    api: Api,
    /// From when on new credentials may be asked for, and how long after that once more.
    renewable: (Instant, Duration),
    /// How many connections there were before this one: only its own answers tell that it lives.
    number: u64,
    channel: Channel,
    /// When the first message since the last answer was sent.
    unanswered: Option<Instant>,
}

/// One message on its way, as Pub/Sub reads it.
struct Outgoing {
    request: Bytes,
    routing: HeaderValue,
}

impl PubsubPublisher {
    /// Within a runtime. Connects at the first publish, not here, and finds out only then if nobody
    /// gives credentials.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        Self::with_time_limit(options, PUBLISH_TIME_LIMIT)
    }

    fn with_time_limit(options: Options, limit: Duration) -> Result<Self, ClientError> {
        let emulator = options.emulator_endpoint();
        Self::on(options, limit, move || match &emulator {
            Some(emulator) => Api::of_emulator(emulator, None),
            None => Api::of_google(SERVICE, None),
        })
    }

    fn on(
        options: Options,
        limit: Duration,
        make_api: impl Fn() -> Result<Api, BoxError> + Send + Sync + 'static,
    ) -> Result<Self, ClientError> {
        let api = make_api().map_err(ClientError)?;
        Ok(Self {
            options,
            time_limit: limit,
            connection: Mutex::new(Connection::of(api, limit)),
            make_api: Box::new(make_api),
        })
    }

    /// Sends until it is taken, or has failed too often or for good.
    async fn send(&self, message: &Outgoing, until: Instant) -> Result<PublishResponse, Status> {
        let mut tried = 1;
        loop {
            match self.try_once(message, until).await {
                Err(status) if may_pass(&status) && tried < TRIES => {
                    sleep(FIRST_WAIT * tried).await;
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_once(
        &self,
        message: &Outgoing,
        until: Instant,
    ) -> Result<PublishResponse, Status> {
        let mut request = Request::new(message.request.clone());
        // In whole seconds, as a header that is the same each time is sent as a number.
        let left = until.saturating_duration_since(Instant::now()).as_secs();
        request.set_timeout(Duration::from_secs(left + LONGER));
        let metadata = request.metadata_mut().as_mut();
        metadata.insert(ROUTING, message.routing.clone());
        let (number, channel) = self.channel();
        let answer = call(channel, PUBLISH, request).await;
        if answer.as_ref().err().is_none_or(is_answer) {
            self.with(|connection| connection.answered(number));
        }
        answer
    }

    /// A connection that is not known to be silent, and its number.
    fn channel(&self) -> (u64, Channel) {
        let is_silent = |at: Instant| at.elapsed() > self.time_limit.mul_f32(SILENT);
        self.with(|connection| {
            if connection.unanswered.is_some_and(is_silent) {
                tracing::warn!("no answer from Pub/Sub or for its credentials; connecting anew");
                self.renew_credentials(connection);
                connection.renew();
            }
            connection.unanswered.get_or_insert_with(Instant::now);
            (connection.number, connection.channel.clone())
        })
    }

    /// Google's library gives up for good after some errors, and waits for ever for some answers. Yet
    /// those that wait cannot be ended, so new ones are made ever more seldom.
    fn renew_credentials(&self, connection: &mut Connection) {
        let (due, pause) = connection.renewable;
        if connection.api.has_credentials() || Instant::now() < due {
            return;
        }
        connection.renewable = (Instant::now() + pause, (2 * pause).min(LONGEST_PAUSE));
        match (self.make_api)() {
            Ok(api) => connection.api = api,
            Err(error) => tracing::warn!(
                error = error_chain(error.as_ref()),
                "there are no new credentials for Pub/Sub; keeping the old ones"
            ),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        let connection = self.connection.lock();
        work(&mut connection.unwrap_or_else(PoisonError::into_inner))
    }
}

impl Connection {
    /// `pause`: how long its credentials may take, and at first those after them.
    fn of(api: Api, pause: Duration) -> Self {
        Self {
            renewable: (Instant::now() + pause, pause),
            number: 0,
            channel: api.open_lazily(),
            unanswered: None,
            api,
        }
    }

    fn renew(&mut self) {
        self.channel = self.api.open_lazily();
        self.number += 1;
        self.unanswered = None;
    }

    /// On the connection of this number.
    fn answered(&mut self, number: u64) {
        if number == self.number {
            self.unanswered = None;
        }
    }
}

impl Outgoing {
    fn new(
        options: &Options,
        topic: &str,
        message: &OutgoingMessage,
    ) -> Result<Self, PublishError> {
        let request = publish_request(&options.topic_path(topic), message);
        let size = request.len();
        if size > MAX_REQUEST_SIZE {
            let cause = format!("the message has {size} bytes; Pub/Sub takes {MAX_REQUEST_SIZE}");
            return Err(PublishError::Refused(cause.into()));
        }
        let project = options.project.replace(':', "%3A");
        let routing = format!("topic=projects%2F{project}%2Ftopics%2F{topic}");
        let routing = HeaderValue::try_from(routing);
        let routing = routing.map_err(|error| PublishError::Refused(error.into()))?;
        Ok(Self { request, routing })
    }
}

#[async_trait]
impl Publisher for PubsubPublisher {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let message = Outgoing::new(&self.options, topic, &message)?;
        let until = Instant::now() + self.time_limit;
        match timeout_at(until, self.send(&message, until)).await {
            Ok(Ok(mut answer)) => match answer.message_ids.pop() {
                Some(id) => Ok(MessageId(id)),
                None => Err(PublishError::Unavailable("the answer has no id".into())),
            },
            Ok(Err(status)) => Err(classify(&status)),
            Err(_) => {
                let cause = format!("no answer within {} ms", self.time_limit.as_millis());
                Err(PublishError::NoAnswer(cause.into()))
            }
        }
    }
}

/// A `PublishRequest` of one message: it leaves at once, since whoever awaits it would only pay for a
/// wait for company.
fn publish_request(topic: &str, message: &OutgoingMessage) -> Bytes {
    let mut out = Vec::with_capacity(USUAL);
    put_bytes(&mut out, 1, topic.as_bytes());
    put_nested(&mut out, 2, |out| {
        put_bytes(out, 1, &message.data);
        for (name, value) in &message.attributes {
            put_nested(out, 2, |out| {
                put_bytes(out, 1, name.as_bytes());
                put_bytes(out, 2, value.as_bytes());
            });
        }
        put_bytes(out, 5, message.ordering_key.as_bytes());
    });
    out.into()
}

/// Whether the next try may go through: the connection broke, or Pub/Sub says what passes. As Google's
/// client has it.
fn may_pass(status: &Status) -> bool {
    let passes = match status.code() {
        Code::Aborted
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::ResourceExhausted
        | Code::Unavailable
        | Code::Unknown => true,
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    };
    passes || !is_answer(status)
}

fn classify(status: &Status) -> PublishError {
    let cause = said(status).into();
    match status.code() {
        // The same message would get the same answer again, until somebody changes the topic, its
        // permissions or this program.
        Code::NotFound
        | Code::PermissionDenied
        | Code::InvalidArgument
        | Code::FailedPrecondition => PublishError::Refused(cause),
        Code::DeadlineExceeded => PublishError::NoAnswer(cause),
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => PublishError::Unavailable(cause),
    }
}

#[cfg(test)]
mod tests;
