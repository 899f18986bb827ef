//! One connection to Firestore that outlives a container's sleep.
//!
//! While a container sleeps its connection may die, with or without a word. Without one, the next
//! call would hang until its time is over; so a connection that has been idle answers a question
//! that costs nothing first, or is made anew. A connection that breaks under a call is made anew by
//! the client itself, and the call is repeated once where that cannot do any harm.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use firestore::FirestoreDb;
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::tonic::Status;
use tokio::time::Instant;

use super::connect::{ConnectError, FirestoreOptions, connect};
use super::time_limit::TimeLimit;

pub(super) struct Connection {
    options: FirestoreOptions,
    pub(super) limits: Limits,
    state: Mutex<State>,
    /// Held by the one that looks after the connection; the others wait.
    looking: tokio::sync::Mutex<()>,
}

/// How long what may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) call: TimeLimit,
    /// For an answer of a connection that has been idle for longer than this.
    pub(super) idle: Duration,
    pub(super) sign_of_life: TimeLimit,
}

struct State {
    db: FirestoreDb,
    /// `None` if a call has hung since.
    last_answer: Option<Instant>,
}

impl Limits {
    const USUAL: Self = Self {
        call: TimeLimit::CALL,
        idle: Duration::from_secs(60),
        sign_of_life: TimeLimit(Duration::from_secs(2)),
    };
}

impl Connection {
    pub(super) async fn open(options: FirestoreOptions) -> Result<Self, ConnectError> {
        let state = State {
            db: connect(&options).await?,
            last_answer: Some(Instant::now()),
        };
        Ok(Self {
            options,
            limits: Limits::USUAL,
            state: Mutex::new(state),
            looking: tokio::sync::Mutex::default(),
        })
    }

    /// The answer to a call. `may_repeat`: whether the call can be made twice, since it may have
    /// taken effect when the connection breaks.
    pub(super) async fn call<T, F>(
        &self,
        may_repeat: bool,
        make: impl Fn(FirestoreDb, TimeLimit) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.wake().await;
        let limit = self.limits.call;
        let answer = limit.on(make(self.db(), limit)).await;
        let answer = match answer {
            Err(status) if may_repeat && is_broken(&status) => {
                limit.on(make(self.db(), limit)).await
            }
            answer => answer,
        };
        self.note(&answer);
        answer
    }

    /// Makes sure that a connection that has been idle is alive.
    async fn wake(&self) {
        if !self.is_idle() {
            return;
        }
        let _looking = self.looking.lock().await;
        if !self.is_idle() {
            return;
        }
        let limit = self.limits.sign_of_life;
        let db = self.db();
        // About no document: whatever Firestore says to that, it is there.
        let question = proto::BatchGetDocumentsRequest {
            database: db.get_database_path().clone(),
            ..Default::default()
        };
        let mut client = db.client().get();
        let answer = client.batch_get_documents(limit.request(question));
        let alive = match limit.on(answer).await {
            Ok(_) => true,
            Err(status) => !is_broken(&status) && !TimeLimit::is_over(&status),
        };
        if alive {
            self.with(|state| state.last_answer = Some(Instant::now()));
        } else if let Ok(db) = connect(&self.options).await {
            self.with(|state| {
                state.db = db;
                state.last_answer = Some(Instant::now());
            });
        }
    }

    fn is_idle(&self) -> bool {
        let idle = self.limits.idle;
        self.with(|state| state.last_answer.is_none_or(|at| at.elapsed() > idle))
    }

    fn note<T>(&self, answer: &Result<T, Status>) {
        match answer {
            Err(status) if TimeLimit::is_over(status) => {
                self.with(|state| state.last_answer = None);
            }
            Err(status) if is_broken(status) => {}
            Ok(_) | Err(_) => self.with(|state| state.last_answer = Some(Instant::now())),
        }
    }

    fn db(&self) -> FirestoreDb {
        self.with(|state| state.db.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether it was the connection that failed: what Firestore itself answers has no cause here.
fn is_broken(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}
