//! A broker in a directory of its own, with a clock that can be moved.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::DateTime;
use fanout_runtime::{Clock, IdGenerator, Shutdown, SystemClock, SystemIds, Timestamp};
use fanout_store_sqlite::{Database, DatabaseError};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::{Broker, Mischief};
use fanout_bus::{Backoff, DeadLetterPolicy, OutgoingMessage, Retention, Subscription, Topology};

pub(super) const TOPIC: &str = "user-events";
pub(super) const DEAD_LETTER_TOPIC: &str = "user-events-dead";

/// How long a test waits for what must happen.
const DEADLINE: Duration = Duration::from_secs(20);

/// A clock that the test moves.
pub(super) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(super) fn at(time: &str) -> Arc<Self> {
        let time: Timestamp = time.parse().unwrap();
        Arc::new(Self(AtomicI64::new(time.timestamp_millis())))
    }

    pub(super) fn move_by(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A broker that delivers; dropping it stops it in the middle of whatever it does.
pub(super) struct System {
    pub(super) broker: Broker,
    pub(super) database: Database,
    pub(super) shutdown: Shutdown,
    pub(super) run: AbortOnDropHandle<()>,
}

impl System {
    pub(super) async fn start(folder: &TempDir, subscriptions: &[Subscription]) -> Self {
        let clock = Arc::new(SystemClock);
        Self::start_with(folder, clock, Mischief::default(), subscriptions).await
    }

    pub(super) async fn start_with(
        folder: &TempDir,
        clock: Arc<dyn Clock>,
        mischief: Mischief,
        subscriptions: &[Subscription],
    ) -> Self {
        Self::start_on(folder, clock, Arc::new(SystemIds), mischief, subscriptions).await
    }

    pub(super) async fn start_on(
        folder: &TempDir,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        mischief: Mischief,
        subscriptions: &[Subscription],
    ) -> Self {
        let database = open(&folder.path().join("db")).await;
        let broker = Broker::open(database.clone(), clock, ids, "demo".to_owned()).await;
        let broker = broker.unwrap().with_mischief(mischief);
        broker.set_up(&topology(subscriptions)).await.unwrap();
        let shutdown = Shutdown::default();
        let (running, stop) = (broker.clone(), shutdown.clone());
        let run = tokio::spawn(async move { running.run(stop).await });
        Self {
            broker,
            database,
            shutdown,
            run: AbortOnDropHandle::new(run),
        }
    }

    pub(super) async fn publish(&self, data: &str) -> String {
        self.publish_message(message(data)).await
    }

    pub(super) async fn publish_message(&self, message: OutgoingMessage) -> String {
        let mut ids = self.broker.publish(TOPIC, vec![message]).await.unwrap();
        ids.pop().unwrap().0
    }

    pub(super) async fn backlog(&self, subscription: &str) -> u64 {
        self.broker.backlog(subscription).await.unwrap()
    }

    /// Waits until the subscription has nothing left.
    pub(super) async fn drained(&self, subscription: &str) {
        until("the backlog is empty", async || {
            self.backlog(subscription).await == 0
        })
        .await;
    }

    /// One number from the file.
    pub(super) async fn number(&self, sql: &'static str) -> i64 {
        self.database
            .call::<_, DatabaseError>(move |file| Ok(file.query_row(sql, [], |row| row.get(0))?))
            .await
            .unwrap()
    }
}

/// Opens the file as soon as the last broker has let go of it.
async fn open(path: &Path) -> Database {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match Database::open(path) {
            Ok(database) => return database,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(super) fn topology(subscriptions: &[Subscription]) -> Topology {
    Topology {
        topics: vec![TOPIC.to_owned(), DEAD_LETTER_TOPIC.to_owned()],
        subscriptions: subscriptions.to_vec(),
    }
}

pub(super) fn message(data: &str) -> OutgoingMessage {
    OutgoingMessage {
        data: data.to_owned().into(),
        ..OutgoingMessage::default()
    }
}

pub(super) fn keyed(data: &str, ordering_key: &str) -> OutgoingMessage {
    OutgoingMessage {
        ordering_key: ordering_key.to_owned(),
        ..message(data)
    }
}

/// A push subscription that retries fast.
pub(super) fn push(name: &str, endpoint: String) -> Subscription {
    Subscription {
        name: name.to_owned(),
        topic: TOPIC.to_owned(),
        push_endpoint: Some(endpoint),
        wrapping: Default::default(),
        ack_deadline: Duration::from_secs(10),
        backoff: Backoff {
            min: Duration::from_millis(10),
            max: Duration::from_millis(20),
        },
        dead_letters: None,
        ordered: false,
        filter: None,
        retention: Retention::of_unacked(Duration::from_secs(7 * 24 * 60 * 60)),
    }
}

pub(super) fn with_dead_letters(subscription: Subscription, max_attempts: u32) -> Subscription {
    Subscription {
        dead_letters: Some(DeadLetterPolicy {
            topic: DEAD_LETTER_TOPIC.to_owned(),
            max_attempts,
        }),
        ..subscription
    }
}

/// Keeps what was acked as well.
pub(super) fn retaining(subscription: Subscription) -> Subscription {
    Subscription {
        retention: Retention {
            acked: true,
            ..subscription.retention
        },
        ..subscription
    }
}

pub(super) fn pull_from(topic: &str, name: &str) -> Subscription {
    Subscription {
        topic: topic.to_owned(),
        push_endpoint: None,
        wrapping: Default::default(),
        ..push(name, String::new())
    }
}
