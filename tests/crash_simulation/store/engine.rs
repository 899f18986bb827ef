//! The SQLite adapter, in memory or in a file, so that nothing happens behind the simulation's back.
//! What was in memory serves the next world, emptied: making tables and preparing statements would
//! take a quarter of all time.

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

/// Those in memory whose worlds have ended.
static SPARE: Mutex<Vec<Open>> = Mutex::new(Vec::new());

pub(super) struct Engine {
    open: Mutex<Option<Open>>,
    simulated: SimClock,
    /// `None`: in memory.
    folder: Option<TempDir>,
}

#[derive(Clone)]
struct Open {
    database: Database,
    documents: Arc<SqliteDocuments>,
    clock: Arc<StoreClock>,
}

/// The simulated time, in milliseconds, for the threads of the file, which do not have it.
#[derive(Default)]
struct StoreClock(AtomicI64);

impl StoreClock {
    fn show(&self, simulated: &SimClock) {
        let now = simulated.now().timestamp_millis();
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        let now = DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst));
        now.unwrap()
    }
}

impl Engine {
    pub(super) async fn new(simulated: SimClock, in_a_file: bool) -> Self {
        let folder = || match Path::new(MEMORY).is_dir() {
            true => tempfile::tempdir_in(MEMORY).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let engine = Self {
            open: Mutex::default(),
            simulated,
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
        let open = match self.file() {
            Some(file) => self.open(Database::open(&file).unwrap()).await,
            None => {
                let spare = SPARE.lock().unwrap().pop();
                match spare {
                    Some(spare) => self.emptied(spare).await,
                    None => self.open(Database::in_memory().unwrap()).await,
                }
            }
        };
        *self.open.lock().unwrap() = Some(open);
    }

    async fn open(&self, database: Database) -> Open {
        let clock = Arc::new(StoreClock::default());
        // A file is swept as soon as it is open.
        clock.show(&self.simulated);
        let opening = SqliteDocuments::open(database.clone(), clock.clone());
        let documents = Arc::new(self.wait_for(opening).await.unwrap());
        let open = Open {
            database,
            documents,
            clock,
        };
        self.run(&open, SPOILS).await;
        open
    }

    async fn emptied(&self, spare: Open) -> Open {
        let emptying = spare.database.call::<_, DatabaseError>(|file| {
            let tables =
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'documents_*'";
            let tables = file
                .prepare_cached(tables)?
                .query_map([], |row| row.get(0))?
                .collect::<Result<Vec<String>, _>>()?;
            for table in tables {
                let delete = format!("DELETE FROM \"{table}\"");
                file.prepare_cached(&delete)?.execute([])?;
            }
            Ok(file.execute_batch("DELETE FROM spoiled; UPDATE last_update SET time = 0")?)
        });
        self.wait_for(emptying).await.unwrap();
        spare
    }

    fn opened(&self) -> Open {
        let open = self.open.lock().unwrap().clone().unwrap();
        open.clock.show(&self.simulated);
        open
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

impl Drop for Engine {
    fn drop(&mut self) {
        let open = self.open.get_mut().ok().and_then(Option::take);
        if let (Some(open), None) = (open, &self.folder) {
            SPARE.lock().unwrap().push(open);
        }
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
