//! One SQLite file, its threads, and group commit.
//!
//! One process owns the file: it holds the lock on `FILE-lock`, which ends with the process however
//! that ends. Others may read beside it ([`Database::open_to_read`]): in SQLite's write-ahead log a
//! reader keeps no writer waiting. (SQLite's own exclusive mode would shut readers out too.)
//!
//! All that may write runs on one thread, so nothing ever meets a locked database. Jobs that wait
//! while one transaction is being written share the next one: a hundred writers pay for one fsync,
//! not for a hundred. A job is answered only after the transaction it ran in is on disk
//! ([`Database::call`]), or, if it asks for no more, in the log ([`Database::call_lazily`]). What only
//! reads has a thread and a connection of its own, so no listing holds up a commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::checkpoints::{Checkpoints, LOG_PAGES};
use super::ownership::Ownership;
use super::pace::Pace;
use super::schema::{self, Unusable, WAY_OUT};
use super::worker::{
    Answered, BEGIN, BEGIN_TO_WRITE, Chore, Mode, SYNCED, SYNCHRONOUS, Worker, in_transaction,
};

const WRITES: Mode = Mode {
    begin: BEGIN_TO_WRITE,
    group: 256,
};
/// Each in a transaction of its own: it sees what was committed before it was asked for.
const READS: Mode = Mode {
    begin: BEGIN,
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
    /// The file's owner has not met the collection with the index that is needed.
    #[error(
        "the system has not used {0} since it was updated, or is another build; start the services \
         that use it, or use that build's own fanout"
    )]
    DeclaredOtherwise(&'static str),
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
        let ownership = Ownership::take(path).map_err(|error| cannot_open(path, &error))?;
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
        settle_in(&connection)?;
        let path = PathBuf::from(":memory:");
        Ok(Self(Arc::new(Access::Here(path, Mutex::new(connection)))))
    }

    /// Opens an existing file for reading only, whether or not a process owns it. The owner goes on
    /// undisturbed. Each [`Database::read`] sees what was committed before it; a job that writes
    /// fails.
    pub fn open_to_read(path: &Path) -> Result<Self, DatabaseError> {
        let open = || {
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            settle_in(&connection)?;
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
    /// `work` did. It may be run again, if what it did was undone because of other work that shared
    /// the transaction. If the caller goes away before the answer, the work may still be done.
    pub async fn call<T, E>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        self.call_checked(work, |_| false, Answered::Synced).await
    }

    /// The same of work that something durable asks for again, should it be lost: answers once it is
    /// committed, in its order with all others. `kill -9` takes nothing of it. A loss of power may take
    /// it, and then takes all that was committed after it, too: nothing, that is, if a later
    /// [`Database::call`] that wrote was answered, or about a quarter of a second has passed.
    pub async fn call_lazily<T, E>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        self.call_checked(work, |_| false, Answered::Committed)
            .await
    }

    /// The same of work that often fails before it writes: `wrote_nothing` says whether an error tells
    /// of that. Others that share the transaction then need not be run again.
    pub(super) async fn call_checked<T, E>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
        wrote_nothing: fn(&E) -> bool,
        answered: Answered,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        match self.0.as_ref() {
            Access::File(owner) => {
                let _writing = owner.pace.writing();
                owner.writes.call(work, wrote_nothing, answered).await
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
        work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        match self.0.as_ref() {
            Access::File(owner) => {
                // Alone in its transaction it is run once.
                let mut work = Some(work);
                let once = move |file: &Connection| match work.take() {
                    Some(work) => work(file),
                    None => Err(DatabaseError::Closed.into()),
                };
                owner.reads.call(once, |_| false, Answered::Synced).await
            }
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

/// Write-ahead log with a full fsync: what was answered survives `kill -9` and power loss. The writer
/// leaves the fsync to a later commit, or to the thread of the checkpoints, where a job allows it.
fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    settle_in(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, SYNCHRONOUS, SYNCED)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // It answers with the number, unlike the others.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    Ok(connection)
}

fn run_here<T, E: From<DatabaseError>>(
    connection: &Mutex<Connection>,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    // A job that panicked was caught, and undone.
    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    in_transaction(&connection, BEGIN, work)
}

/// What holds for every connection.
fn settle_in(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not look at bound values, such as that of a LIMIT: a statement whose plan did would be
    // prepared again whenever it is bound again.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A name in quotes that no column has is a mistake, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    Ok(())
}

#[cfg(test)]
mod syncs;
#[cfg(test)]
mod tests;
