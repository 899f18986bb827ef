//! One connection to Firestore that outlives a container's sleep.
//!
//! A connection may die with or without a word, while a container sleeps or under its calls. Without
//! one, each call would hang until its time is over; so a connection that has been idle, or owes an
//! answer for too long, answers a question that costs nothing before the next call, or is made anew.
//! A connection that breaks under a call is made anew by the client itself, and the call is repeated
//! once where that cannot do any harm.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fanout_google_grpc::{Api, Channel, is_answer, ready};
use fanout_runtime::error_chain;
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::tonic::{Code, Request, Status};
use tokio::time::Instant;

use super::connect::{ConnectError, FirestoreOptions, Opened, connect, connect_again};
use super::time_limit::TimeLimit;

/// Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    options: FirestoreOptions,
    pub(super) limits: Limits,
    state: Arc<Mutex<State>>,
    /// Held by the call that looks after the connection; the others wait.
    looking: Arc<tokio::sync::Mutex<()>>,
}

/// How long what may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) call: TimeLimit,
    /// For an answer of a connection that has been idle for longer than this.
    pub(super) idle: Duration,
    /// The same of one that has answered none of its calls for this long.
    pub(super) silent: Duration,
    pub(super) sign_of_life: TimeLimit,
}

struct State {
    /// How many connections there were before this one: only its own answers tell that it lives.
    number: u64,
    api: Arc<Api>,
    channel: Channel,
    last_answer: Instant,
    /// The first call since the last answer.
    unanswered: Option<Instant>,
    /// When a connection was found dead and no other could be made.
    lost: Option<Instant>,
}

impl Limits {
    pub(super) const USUAL: Self = Self {
        call: TimeLimit::CALL,
        idle: Duration::from_secs(60),
        silent: Duration::from_secs(2),
        sign_of_life: TimeLimit(Duration::from_secs(2)),
    };
}

impl Connection {
    pub(super) async fn open(options: FirestoreOptions) -> Result<Self, ConnectError> {
        let state = State::new(0, connect(&options).await?);
        Ok(Self {
            options,
            limits: Limits::USUAL,
            state: Arc::new(Mutex::new(state)),
            looking: Arc::default(),
        })
    }

    /// The answer to a call with this message. `may_repeat`: whether the call can be made twice, since
    /// it may have taken effect when the connection breaks.
    pub(super) async fn call<M, T, F>(
        &self,
        may_repeat: bool,
        message: M,
        make: impl Fn(Channel, Request<M>) -> F,
    ) -> Result<T, Status>
    where
        M: Clone,
        F: Future<Output = Result<T, Status>>,
    {
        self.wake().await?;
        let (mut number, channel) = self.with(State::asked);
        let limit = self.limits.call;
        let again = may_repeat.then(|| message.clone());
        let call = pin!(make(channel, limit.request(message)));
        let answer = limit.on(call).await;
        let answer = match (answer, again) {
            (Err(status), Some(again)) if !is_answer(&status) => {
                let channel;
                (number, channel) = self.with(State::asked);
                let call = pin!(make(channel, limit.request(again)));
                limit.on(call).await
            }
            (answer, _) => answer,
        };
        if answer.as_ref().err().is_none_or(is_sign_of_life) {
            self.with(|state| state.answered(number));
        }
        answer
    }

    /// Makes sure that a connection of which that is not certain is alive.
    async fn wake(&self) -> Result<(), Status> {
        if !self.is_doubtful() {
            return Ok(());
        }
        let came = Instant::now();
        let this = self.clone();
        // Beside the call: callers that soon give up would never let it come to its end.
        let looked = tokio::spawn(async move { this.look(came).await });
        looked
            .await
            .unwrap_or_else(|error| Err(Status::unavailable(error.to_string())))
    }

    /// For a call that came at this moment.
    async fn look(&self, came: Instant) -> Result<(), Status> {
        let _looking = self.looking.lock().await;
        if !self.is_doubtful() {
            return Ok(());
        }
        if self.with(|state| state.lost.is_some_and(|at| at > came)) {
            return Err(Status::unavailable("the connection is lost"));
        }
        let (number, channel) = self.with(|state| (state.number, state.channel.clone()));
        if self.is_alive(channel).await {
            self.with(|state| state.answered(number));
            return Ok(());
        }
        let api = self.with(|state| Arc::clone(&state.api));
        match connect_again(&self.options, api).await {
            Ok(opened) => {
                self.with(|state| *state = State::new(number + 1, opened));
                Ok(())
            }
            Err(error) => {
                self.with(|state| state.lost = Some(Instant::now()));
                Err(Status::unavailable(error_chain(&error)))
            }
        }
    }

    async fn is_alive(&self, channel: Channel) -> bool {
        let limit = self.limits.sign_of_life;
        // About no document: whatever Firestore says to that, it is there.
        let question = proto::BatchGetDocumentsRequest {
            database: self.options.names().database,
            ..Default::default()
        };
        let call = pin!(async {
            let mut client = FirestoreClient::new(ready(channel).await?);
            client.batch_get_documents(limit.request(question)).await
        });
        limit
            .on(call)
            .await
            .err()
            .as_ref()
            .is_none_or(is_sign_of_life)
    }

    fn is_doubtful(&self) -> bool {
        let Limits { idle, silent, .. } = self.limits;
        self.with(|state| {
            let owes = state.unanswered.is_some_and(|at| at.elapsed() > silent);
            owes || state.last_answer.elapsed() > idle
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn new(number: u64, (api, channel): Opened) -> Self {
        Self {
            number,
            api,
            channel,
            last_answer: Instant::now(),
            unanswered: None,
            lost: None,
        }
    }

    /// For a call: which connection it is made on.
    fn asked(&mut self) -> (u64, Channel) {
        self.unanswered.get_or_insert_with(Instant::now);
        (self.number, self.channel.clone())
    }

    /// On the connection of this number.
    fn answered(&mut self, number: u64) {
        if number == self.number {
            self.last_answer = Instant::now();
            self.unanswered = None;
        }
    }
}

/// Whether Firestore said so, and the connection lives: the call did not hang.
fn is_sign_of_life(status: &Status) -> bool {
    is_answer(status) && status.code() != Code::DeadlineExceeded
}
