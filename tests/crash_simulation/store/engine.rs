//! The SQLite adapter, in memory or in a file, so that nothing happens behind the simulation's back.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use chrono::DateTime;
use fanout_runtime::{Clock, Timestamp};
use fanout_store_sqlite::{Database, DatabaseError, SqliteDocuments};
use tempfile::TempDir;

use crate::crash_simulation::clock::SimClock;

/// Where files are written that need not outlive the machine, if it has such a place: a COMMIT then
/// costs nothing.
const MEMORY: &str = "/dev/shm";

/// A COMMIT fails as long as `spoiled` has a row: every commit updates `last_update`, and leaves a
/// child without a parent, which SQLite notices at its end.
const SPOILS: &str = "
    CREATE TABLE IF NOT EXISTS spoiled (n INTEGER);
    CREATE TABLE IF NOT EXISTS parents (id INTEGER PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS children (
        parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TRIGGER IF NOT EXISTS spoils AFTER UPDATE ON last_update
        WHEN EXISTS (SELECT * FROM spoiled)
        BEGIN INSERT INTO children VALUES (1); END;
";

pub(super) struct Engine {
    open: Mutex<Option<Open>>,
    clock: Arc<StoreClock>,
    /// `None`: in memory.
    folder: Option<TempDir>,
}

#[derive(Clone)]
struct Open {
    database: Database,
    documents: Arc<SqliteDocuments>,
}

/// The simulated time for the threads of the file, which do not have it.
struct StoreClock {
    simulated: SimClock,
    milliseconds: AtomicI64,
}

impl StoreClock {
    fn show_now(&self) {
        let now = self.simulated.now().timestamp_millis();
        self.milliseconds.store(now, Ordering::SeqCst);
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        let now = DateTime::from_timestamp_millis(self.milliseconds.load(Ordering::SeqCst));
        now.unwrap()
    }
}

impl Engine {
    pub(super) async fn new(simulated: SimClock, in_a_file: bool) -> Self {
        let clock = StoreClock {
            simulated,
            milliseconds: AtomicI64::new(0),
        };
        let folder = || match Path::new(MEMORY).is_dir() {
            true => tempfile::tempdir_in(MEMORY).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let engine = Self {
            open: Mutex::default(),
            clock: Arc::new(clock),
            folder: in_a_file.then(folder),
        };
        engine.restart().await;
        engine
    }

    pub(super) fn is_in_a_file(&self) -> bool {
        self.folder.is_some()
    }

    fn file(&self) -> Option<PathBuf> {
        self.folder
            .as_ref()
            .map(|folder| folder.path().join("fanout.db"))
    }

    /// Closes the file and opens it again.
    pub(super) async fn restart(&self) {
        drop(self.open.lock().unwrap().take());
        self.clock.show_now();
        let database = match self.file() {
            Some(file) => Database::open(&file).unwrap(),
            None => Database::in_memory().unwrap(),
        };
        let opening = SqliteDocuments::open(database.clone(), self.clock.clone());
        let documents = Arc::new(self.wait_for(opening).await.unwrap());
        let open = Open {
            database,
            documents,
        };
        self.run(&open, SPOILS).await;
        *self.open.lock().unwrap() = Some(open);
    }

    fn opened(&self) -> Open {
        self.clock.show_now();
        self.open.lock().unwrap().clone().unwrap()
    }

    pub(super) fn documents(&self) -> Arc<SqliteDocuments> {
        self.opened().documents
    }

    /// Waits for a call. Nothing else happens meanwhile: the file's threads run in real time, of
    /// which the simulation knows nothing.
    pub(super) async fn wait_for<T>(&self, call: impl Future<Output = T>) -> T {
        match &self.folder {
            Some(_) => block_on(tokio::task::unconstrained(call)),
            None => call.await,
        }
    }

    /// Waits for a commit, whose COMMIT fails.
    pub(super) async fn undone<T>(&self, commit: impl Future<Output = T>) -> T {
        let open = self.opened();
        self.run(&open, "INSERT INTO spoiled VALUES (1)").await;
        let answer = self.wait_for(commit).await;
        self.run(&open, "DELETE FROM spoiled").await;
        answer
    }

    async fn run(&self, open: &Open, sql: &'static str) {
        let call = open
            .database
            .call::<_, DatabaseError>(move |savepoint| Ok(savepoint.execute_batch(sql)?));
        self.wait_for(call).await.unwrap();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
