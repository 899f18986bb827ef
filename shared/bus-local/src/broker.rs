//! The broker's handle, and what all of its work shares. What can be done with it stands where it is
//! done.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanout_runtime::{Clock, IdGenerator, Timestamp};
use fanout_store_sqlite::{Database, DatabaseError};
use rusqlite::Connection;
use tokio::sync::watch;

use super::backlog::{Backlog, backlogs};
use super::error::BrokerError;
use super::mischief::Mischief;
use super::rows::Count;
use super::{schema, subscriptions};

/// The embedded broker; clones share it. Dropping all of them stops nothing that was accepted: it
/// is in the file.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    project: String,
    /// Marked when messages may have become due.
    messages: watch::Sender<()>,
    /// Marked when there may be new subscriptions.
    topology: watch::Sender<()>,
    mischief: watch::Sender<Mischief>,
}

impl Broker {
    /// A broker in this file. `project` stands in the subscription's path of every delivery.
    pub async fn open(
        database: Database,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
        project: String,
    ) -> Result<Self, BrokerError> {
        database
            .call::<_, DatabaseError>(|file| Ok(schema::prepare(file)?))
            .await?;
        let shared = Shared {
            database,
            clock,
            ids,
            project,
            messages: watch::Sender::new(()),
            topology: watch::Sender::new(()),
            mischief: watch::Sender::new(Mischief::default()),
        };
        let shared = Arc::new(shared);
        Ok(Self { shared })
    }

    /// The same broker with faults injected into its deliveries; for [`Broker::run`].
    #[must_use]
    pub fn with_mischief(self, mischief: Mischief) -> Self {
        self.set_mischief(mischief);
        self
    }

    /// Injects these faults from now on, on all clones.
    pub fn set_mischief(&self, mischief: Mischief) {
        self.shared.mischief.send_replace(mischief);
    }

    /// How many messages a subscription has not acked; dead letters too are counted so, by the
    /// subscription of the dead-letter topic.
    pub async fn backlog(&self, subscription: &str) -> Result<u64, BrokerError> {
        let name = subscription.to_owned();
        self.call(move |_, file| {
            let id = subscriptions::by_name(file, &name)?.id;
            let sql = "SELECT count(*) FROM deliveries WHERE subscription = ?1";
            let Count(waiting) = file
                .prepare_cached(sql)?
                .query_row([id], |row| row.get(0))?;
            Ok(waiting)
        })
        .await
    }

    /// What each subscription has not acked, by its name; one that has nothing is left out.
    pub async fn backlogs(&self) -> Result<BTreeMap<String, Backlog>, BrokerError> {
        Ok(backlogs(&self.shared.database).await?)
    }

    /// Does this in the file, in a transaction of its own; see [`Database::call`].
    pub(super) async fn call<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Self, &Connection) -> Result<T, BrokerError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let broker = self.clone();
        let database = &self.shared.database;
        database.call(move |file| work(&broker, file)).await
    }

    /// The same of what is done again should a loss of power take it; see [`Database::call_lazily`].
    pub(super) async fn call_lazily<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Self, &Connection) -> Result<T, BrokerError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let broker = self.clone();
        let database = &self.shared.database;
        database.call_lazily(move |file| work(&broker, file)).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn ids(&self) -> &dyn IdGenerator {
        self.shared.ids.as_ref()
    }

    pub(super) fn project(&self) -> &str {
        &self.shared.project
    }

    /// The faults that are injected.
    pub fn mischief(&self) -> Mischief {
        *self.shared.mischief.borrow()
    }

    /// Says that messages may have become due. Called inside the job that makes them so: a loop that
    /// is woken asks the file by a job of its own, which runs after this one; and the word gets out
    /// even if the caller does not wait for this job's answer any more.
    pub(super) fn wake(&self) {
        self.shared.messages.send_replace(());
    }

    /// Says that there are other subscriptions, or other settings.
    pub(super) fn wake_for_new_subscriptions(&self) {
        self.shared.topology.send_replace(());
        self.wake();
    }

    pub(super) fn watch_messages(&self) -> watch::Receiver<()> {
        self.shared.messages.subscribe()
    }

    pub(super) fn watch_topology(&self) -> watch::Receiver<()> {
        self.shared.topology.subscribe()
    }
}
