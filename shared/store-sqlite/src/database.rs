//! One SQLite file, its threads, and group commit.
//!
//! One process owns the file: it holds the lock on `FILE-lock`, which ends with the process however
//! that ends. Others may read beside it ([`Database::open_to_read`]): in SQLite's write-ahead log a
//! reader keeps no writer waiting. (SQLite's own exclusive mode would shut readers out too.)
//!
//! All that may write runs on one thread, so nothing ever meets a locked database. Jobs that wait
//! while one transaction is being written share the next one: a hundred writers pay for one fsync,
//! not for a hundred. A job is answered only after the transaction it ran in is on disk. What only
//! reads has a thread and a connection of its own, so no listing holds up a commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Savepoint, TransactionBehavior};

use super::checkpoints::{Checkpoints, LOG_PAGES};
use super::ownership::Ownership;
use super::pace::Pace;
use super::schema::{self, Unusable, WAY_OUT};
use super::worker::{Chore, Mode, Worker, in_savepoint};

const WRITES: Mode = Mode {
    behavior: TransactionBehavior::Immediate,
    group: 256,
};
/// Each in a transaction of its own: it sees what was committed before it was asked for.
const READS: Mode = Mode {
    behavior: TransactionBehavior::Deferred,
    group: 1,
};
/// How long to wait for a reader that opens or closes the file at the same moment: milliseconds,
/// unless the machine is very busy.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// How much of the file a connection keeps in memory, as it comes to need it: the inner pages of
/// indexes on a million documents, and what one group of commits changes.
const CACHE_KIB: i64 = 32 * 1024;
/// How many statements a connection keeps prepared; there are a few for each query.
const STATEMENTS: usize = 256;

/// A handle to the file; clones share the threads. Dropping the last of them waits until the work
/// at hand is done and the file is closed.
#[derive(Clone)]
pub struct Database(Arc<Access>);

enum Access {
    File(Owner),
    /// Jobs run on their callers' threads.
    Here(PathBuf, Mutex<Connection>),
}

struct Owner {
    path: PathBuf,
    reads: Worker,
    writes: Worker,
    pace: Pace,
    _checkpoints: Checkpoints,
    /// Freed last: after the threads have ended and closed the file.
    _ownership: Ownership,
}

/// Why the file could not be opened or a job did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite's own error.
    #[error("SQLite: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// SQLite found the file damaged while it was in use.
    #[error("the database is damaged ({0}); {WAY_OUT}")]
    Damaged(#[source] rusqlite::Error),
    /// The file belongs to another process, or is no database of ours.
    #[error("cannot open the database {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The transaction that this job shared could not be committed; nothing was written.
    #[error("the transaction could not be committed: {0}")]
    Commit(String),
    /// The job panicked; nothing of it was written.
    #[error("the database's work panicked")]
    Panicked,
    /// The database's thread has ended.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        if schema::is_damage(&error) {
            Self::Damaged(error)
        } else {
            Self::Sqlite(error)
        }
    }
}

impl Database {
    /// Opens the file (creating it if needed) for this process alone.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let ownership = Ownership::of(path).map_err(|error| cannot_open(path, &error))?;
        let open = || {
            let mut writer = connect(path)?;
            schema::upgrade(&mut writer)?;
            let reader = connect(path)?;
            reader.pragma_update(None, "query_only", true)?;
            Ok((writer, reader, connect(path)?))
        };
        let (writer, reader, log) = open().map_err(|error: Unusable| cannot_open(path, &error))?;
        let checkpoints = Checkpoints::start(log).map_err(|error| cannot_open(path, &error))?;
        let start = |name, connection, mode| {
            Worker::start(name, connection, mode).map_err(|error| cannot_open(path, &error))
        };
        Ok(Self(Arc::new(Access::File(Owner {
            path: path.to_owned(),
            writes: start("sqlite", writer, WRITES)?,
            reads: start("sqlite-reads", reader, READS)?,
            pace: Pace::default(),
            _checkpoints: checkpoints,
            _ownership: ownership,
        }))))
    }

    /// A database that lives in memory and ends with its last handle. Jobs run one after the other
    /// on their callers' threads, each within the first poll of its [`Database::call`]: a
    /// simulation that has one thread and its own time sees nothing happen behind its back.
    pub fn in_memory() -> Result<Self, DatabaseError> {
        let connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let path = PathBuf::from(":memory:");
        Ok(Self(Arc::new(Access::Here(path, Mutex::new(connection)))))
    }

    /// Opens an existing file for reading only, whether or not a process owns it. The owner goes on
    /// undisturbed. Each [`Database::read`] sees what was committed before it; a job that writes
    /// fails.
    pub fn open_to_read(path: &Path) -> Result<Self, DatabaseError> {
        let open = || {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.busy_timeout(BUSY_LIMIT)?;
            schema::check(&connection)?;
            Ok(connection)
        };
        let connection = open().map_err(|error: Unusable| cannot_open(path, &error))?;
        let path = path.to_owned();
        Ok(Self(Arc::new(Access::Here(path, Mutex::new(connection)))))
    }

    /// The file; `:memory:` for none.
    pub fn path(&self) -> &Path {
        match self.0.as_ref() {
            Access::File(owner) => &owner.path,
            Access::Here(path, _) => path,
        }
    }

    /// Runs `work` in a transaction and answers once that is on disk. An error undoes all that
    /// `work` did. If the caller goes away before the answer, the work may still be done.
    pub async fn call<T, E>(
        &self,
        work: impl FnOnce(&Savepoint<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        match self.0.as_ref() {
            Access::File(owner) => {
                let _writing = owner.pace.writing();
                owner.writes.call(work).await
            }
            Access::Here(_, connection) => run_here(connection, work),
        }
    }

    /// Waits for a listing's turn: a moment while anything is being written.
    pub(super) async fn turn_to_list(&self) {
        match self.0.as_ref() {
            Access::File(owner) => owner.pace.turn().await,
            Access::Here(..) => {}
        }
    }

    /// Runs `work`, which only reads, beside all that writes. It sees what was committed before
    /// this call.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&Savepoint<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        match self.0.as_ref() {
            Access::File(owner) => owner.reads.call(work).await,
            Access::Here(_, connection) => run_here(connection, work),
        }
    }

    /// Does this beside the jobs from time to time, as long as the file is open. In memory nothing
    /// happens that no caller has asked for.
    pub(super) fn add_chore(&self, chore: Chore) -> Result<(), DatabaseError> {
        match self.0.as_ref() {
            Access::File(owner) => owner.writes.add_chore(chore),
            Access::Here(..) => Ok(()),
        }
    }
}

fn cannot_open(path: &Path, reason: &dyn std::error::Error) -> DatabaseError {
    DatabaseError::Open {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

/// Write-ahead log with a full fsync: what was answered survives `kill -9` and power loss.
fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // It answers with the number, unlike the others.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn run_here<T, E: From<DatabaseError>>(
    connection: &Mutex<Connection>,
    work: impl FnOnce(&Savepoint<'_>) -> Result<T, E>,
) -> Result<T, E> {
    // A job that panicked has rolled back on its way out.
    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let mut transaction = connection.transaction().map_err(DatabaseError::from)?;
    let result = in_savepoint(&mut transaction, work);
    transaction
        .commit()
        .map_err(|error| DatabaseError::Commit(error.to_string()))?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(savepoint: &Savepoint<'_>) -> Result<i64, DatabaseError> {
        Ok(savepoint.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_failed_job_leaves_nothing_behind_and_its_neighbours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let in_a_file = Database::open(&folder.path().join("db")).unwrap();
        for database in [in_a_file, Database::in_memory().unwrap()] {
            only_the_job_that_fails_leaves_nothing(&database).await;
        }
    }

    async fn only_the_job_that_fails_leaves_nothing(database: &Database) {
        let create = |s: &Savepoint<'_>| Ok(s.execute_batch("CREATE TABLE t (n)")?);
        database.call::<_, DatabaseError>(create).await.unwrap();
        let insert = |fail: bool| {
            database.call(move |s| {
                s.execute("INSERT INTO t VALUES (1)", [])
                    .map_err(DatabaseError::from)?;
                if fail {
                    Err(DatabaseError::Closed)
                } else {
                    Ok(())
                }
            })
        };
        let (first, second, third) = tokio::join!(insert(false), insert(true), insert(false));
        assert!(first.is_ok() && second.is_err() && third.is_ok());
        assert_eq!(database.call(count).await.unwrap(), 2);
    }

    /// A row that refers to none is noticed by the COMMIT, when the jobs are done.
    #[tokio::test]
    async fn a_commit_that_fails_is_told_to_every_job_that_shared_it_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let in_a_file = Database::open(&folder.path().join("db")).unwrap();
        for database in [in_a_file, Database::in_memory().unwrap()] {
            let tables = "CREATE TABLE t (n); CREATE TABLE parents (id INTEGER PRIMARY KEY);
                CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED)";
            execute(&database, tables).await.unwrap();
            let orphan = "INSERT INTO t VALUES (1); INSERT INTO children VALUES (7)";
            let failed = execute(&database, orphan).await;
            assert!(
                matches!(failed, Err(DatabaseError::Commit(_))),
                "{failed:?}"
            );
            assert_eq!(database.call(count).await.unwrap(), 0);
            let next = execute(&database, "INSERT INTO t VALUES (1)").await;
            assert!(next.is_ok(), "{next:?}");
        }
    }

    #[tokio::test]
    async fn what_is_committed_gets_into_the_file_without_a_later_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let database = Database::open(&path).unwrap();
        let bytes: u32 = 1 << 20;
        assert!(bytes / 4096 < LOG_PAGES);
        let fill = "CREATE TABLE t AS SELECT zeroblob(1 << 20)";
        execute(&database, fill).await.unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while std::fs::metadata(&path).unwrap().len() < u64::from(bytes) {
            assert!(std::time::Instant::now() < deadline, "still in the log");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_second_opening_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let first = Database::open(&path).unwrap();
        let Err(error) = Database::open(&path) else {
            panic!("opened twice");
        };
        assert!(
            error.to_string().contains("another process has it open"),
            "{error}"
        );
        drop(first);
        assert!(Database::open(&path).is_ok());
    }

    fn execute(
        database: &Database,
        sql: &'static str,
    ) -> impl Future<Output = Result<(), DatabaseError>> {
        database.call(move |s| Ok(s.execute_batch(sql)?))
    }

    #[tokio::test]
    async fn a_reader_beside_the_owner_sees_each_commit_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let owner = Database::open(&path).unwrap();
        execute(&owner, "CREATE TABLE t (n)").await.unwrap();
        let reader = Database::open_to_read(&path).unwrap();
        assert_eq!(reader.path(), path);
        for rows in 1..=3 {
            let insert = execute(&owner, "INSERT INTO t VALUES (1)");
            insert.await.unwrap();
            assert_eq!(reader.call(count).await.unwrap(), rows);
        }
        let write = execute(&reader, "INSERT INTO t VALUES (1)").await;
        let error = write.unwrap_err().to_string();
        assert!(error.contains("readonly"), "{error}");
        // In the middle of a read the owner goes on writing, closes and opens again.
        let again = path.clone();
        let seen = reader.call::<_, DatabaseError>(move |s| {
            let before = count(s)?;
            let other = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let insert = execute(&owner, "INSERT INTO t VALUES (1)");
                    insert.await.unwrap();
                    drop(owner);
                    let owner = Database::open(&again).unwrap();
                    owner.call(count).await.unwrap()
                })
            });
            Ok((before, other.join().unwrap(), count(s)?))
        });
        assert_eq!(seen.await.unwrap(), (3, 4, 3));
    }

    #[tokio::test]
    async fn a_reader_needs_no_owner_and_creates_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        assert!(Database::open_to_read(&path).is_err());
        assert!(!path.exists());
        let owner = Database::open(&path).unwrap();
        let write = execute(&owner, "CREATE TABLE t (n); INSERT INTO t VALUES (1)");
        write.await.unwrap();
        drop(owner);
        let reader = Database::open_to_read(&path).unwrap();
        assert_eq!(reader.call(count).await.unwrap(), 1);
        // Nor does it keep an owner from starting.
        assert!(Database::open(&path).is_ok());
    }

    #[test]
    fn a_job_in_memory_is_done_at_the_first_poll_and_stays_done() {
        let database = Database::in_memory().unwrap();
        assert_eq!(database.path(), Path::new(":memory:"));
        let create = |s: &Savepoint<'_>| Ok(s.execute_batch("CREATE TABLE t (n)")?);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut created = Box::pin(database.call::<_, DatabaseError>(create));
        assert!(created.as_mut().poll(&mut context).is_ready());
        let clone = database.clone();
        let mut counted = Box::pin(clone.call(count));
        let answer = counted.as_mut().poll(&mut context);
        assert!(matches!(answer, std::task::Poll::Ready(Ok(0))));
    }
}
