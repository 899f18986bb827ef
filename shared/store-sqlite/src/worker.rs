//! A thread that has a connection to itself, and works off jobs and chores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::database::DatabaseError;

/// How often a chore is looked after, and how soon again if it has more to do: a backlog of its
/// batches leaves most of the time to the jobs.
const CHORE_INTERVAL: Duration = Duration::from_secs(60);
const CHORE_PAUSE: Duration = Duration::from_millis(100);

/// Begins a transaction that meets no other later: it has the right to write from the start.
pub(super) const BEGIN_TO_WRITE: &str = "BEGIN IMMEDIATE";
/// Begins a transaction that reads.
pub(super) const BEGIN: &str = "BEGIN";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// The setting that says whether a commit waits until the disk has the log. Left to later, the log
/// is still synced before any of it is taken into the file, and before it starts anew.
pub(super) const SYNCHRONOUS: &str = "synchronous";
pub(super) const SYNCED: &str = "FULL";
const LEFT_TO_LATER: &str = "NORMAL";

/// Housekeeping, a small batch a call, in a transaction of its own; true if there is more to do.
pub(super) type Chore = Box<dyn FnMut(&Connection) -> Result<bool, DatabaseError> + Send>;

/// How a worker runs its jobs.
#[derive(Clone, Copy)]
pub(super) struct Mode {
    /// The statement that begins a transaction.
    pub(super) begin: &'static str,
    /// How many jobs share a transaction at most: bounds how long the first of them waits.
    pub(super) group: usize,
}

/// The thread; ends when this is dropped, after the work at hand.
pub(super) struct Worker {
    orders: Option<mpsc::Sender<Errand>>,
    thread: Option<thread::JoinHandle<()>>,
}

enum Errand {
    Job(Box<dyn Job>),
    Chore(Chore),
}

/// When a job is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    /// Once the disk has it.
    Synced,
    /// Once it is in the log, behind all that was answered before and ahead of all that comes later.
    Committed,
}

/// One unit of work, answered after the commit.
trait Job: Send {
    fn answered(&self) -> Answered;
    /// Called again if what it did was undone for another's sake.
    fn run(&mut self, connection: &Connection) -> Ran;
    fn answer(self: Box<Self>, committed: Result<(), &str>);
}

/// What a job leaves in the transaction.
enum Ran {
    /// What is to stay there, or nothing.
    Well,
    /// What must be undone.
    Badly,
}

struct Work<T, E, F> {
    work: F,
    answered: Answered,
    wrote_nothing: fn(&E) -> bool,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Work<T, E, F>
where
    F: FnMut(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<DatabaseError> + Send,
{
    fn answered(&self) -> Answered {
        self.answered
    }

    fn run(&mut self, connection: &Connection) -> Ran {
        let result = run(connection, &mut self.work);
        let ran = match &result {
            Ok(_) => Ran::Well,
            Err(error) if (self.wrote_nothing)(error) => Ran::Well,
            Err(_) => Ran::Badly,
        };
        self.result = Some(result);
        ran
    }

    fn answer(self: Box<Self>, committed: Result<(), &str>) {
        let result = match (self.result, committed) {
            (Some(result), Ok(())) => result,
            (_, Err(reason)) => Err(DatabaseError::Commit(reason.to_owned()).into()),
            (None, Ok(())) => Err(DatabaseError::Closed.into()),
        };
        // The caller may have gone; the work is done all the same.
        let _ = self.reply.send(result);
    }
}

/// A panic is an error too, and the thread goes on: a process that answers nothing any more would be
/// worse than one failed request.
fn run<T, E: From<DatabaseError>>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let ran = catch_unwind(AssertUnwindSafe(|| work(connection)));
    // What the work leaves half done is undone by the caller.
    ran.unwrap_or_else(|_panic| Err(DatabaseError::Panicked.into()))
}

/// Runs the work in a transaction of its own; an error undoes all that the work did.
pub(super) fn in_transaction<T, E: From<DatabaseError>>(
    connection: &Connection,
    begin: &str,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    execute(connection, begin).map_err(DatabaseError::from)?;
    let result = run(connection, work);
    let ended = end(connection, result.is_ok());
    ended.map_err(|error| DatabaseError::Commit(error.to_string()))?;
    result
}

/// Ends a transaction. Without error it is over as it was to be, else undone.
fn end(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    let ended = execute(connection, if keep { COMMIT } else { ROLLBACK });
    if ended.is_err() && !connection.is_autocommit() {
        execute(connection, ROLLBACK)?;
    }
    // What has ended by itself was undone.
    if keep { ended } else { Ok(()) }
}

/// Prepared once: these stand around each job.
fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

impl Worker {
    pub(super) fn start(name: &str, connection: Connection, mode: Mode) -> std::io::Result<Self> {
        let (orders, queue) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work_off(connection, &queue, mode))?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// `wrote_nothing`: whether the work, having failed so, leaves nothing to be undone.
    pub(super) async fn call<T, E>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, E> + Send + 'static,
        wrote_nothing: fn(&E) -> bool,
        answered: Answered,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Errand::Job(Box::new(Work {
            work,
            answered,
            wrote_nothing,
            result: None,
            reply,
        })))?;
        answer.await.map_err(|_| DatabaseError::Closed)?
    }

    pub(super) fn add_chore(&self, chore: Chore) -> Result<(), DatabaseError> {
        self.send(Errand::Chore(chore))
    }

    fn send(&self, order: Errand) -> Result<(), DatabaseError> {
        let orders = self.orders.as_ref().ok_or(DatabaseError::Closed)?;
        orders.send(order).map_err(|_| DatabaseError::Closed)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Without senders the thread comes to its end.
        self.orders = None;
        let thread = self.thread.take();
        if let Some(thread) = thread.filter(|it| it.thread().id() != thread::current().id()) {
            // An error says that the thread has panicked; the file is closed then too.
            let _ = thread.join();
        }
    }
}

fn work_off(connection: Connection, queue: &mpsc::Receiver<Errand>, mode: Mode) {
    let mut chores = Chores::default();
    let mut syncs = Syncs::default();
    loop {
        let first = match queue.recv_timeout(chores.wait()) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut group = Vec::new();
        for order in first
            .into_iter()
            .chain(queue.try_iter().take(mode.group - 1))
        {
            match order {
                Errand::Job(job) => group.push(job),
                Errand::Chore(chore) => chores.add(chore),
            }
        }
        if !group.is_empty() {
            let committed = syncs
                .fit(&connection, &group)
                .and_then(|()| run_group(&connection, &mut group, mode.begin));
            let committed = committed.map_err(|error| error.to_string());
            for job in group {
                job.answer(committed.as_ref().copied().map_err(String::as_str));
            }
        }
        chores.run_if_due(&connection);
    }
}

/// Whether commits wait for the disk: a group's does if any of its jobs asks for that. One that does
/// syncs the whole log, so also what groups before it left there. A chore commits as the group before
/// it did: what a loss of power undoes of it is done again.
struct Syncs(Answered);

impl Default for Syncs {
    fn default() -> Self {
        Self(Answered::Synced)
    }
}

impl Syncs {
    fn fit(&mut self, connection: &Connection, group: &[Box<dyn Job>]) -> rusqlite::Result<()> {
        let lazy = group
            .iter()
            .all(|job| job.answered() == Answered::Committed);
        let (wanted, synchronous) = if lazy {
            (Answered::Committed, LEFT_TO_LATER)
        } else {
            (Answered::Synced, SYNCED)
        };
        if self.0 != wanted {
            connection.pragma_update(None, SYNCHRONOUS, synchronous)?;
            self.0 = wanted;
        }
        Ok(())
    }
}

/// A job that fails leaves nothing behind, and its neighbours alone. That is seldom and savepoints cost
/// as much as a fifth of the work, so only a group in which one has failed is done again with them.
fn run_group(
    connection: &Connection,
    group: &mut [Box<dyn Job>],
    begin: &str,
) -> rusqlite::Result<()> {
    execute(connection, begin)?;
    let all_well = group
        .iter_mut()
        .all(|job| matches!(job.run(connection), Ran::Well));
    end(connection, all_well)?;
    if all_well || group.len() == 1 {
        return Ok(());
    }
    execute(connection, begin)?;
    let ran = group
        .iter_mut()
        .try_for_each(|job| run_apart(connection, job.as_mut()));
    end(connection, ran.is_ok())?;
    ran
}

/// An error says that no more can be said of what the transaction holds.
fn run_apart(connection: &Connection, job: &mut dyn Job) -> rusqlite::Result<()> {
    execute(connection, "SAVEPOINT job")?;
    if let Ran::Badly = job.run(connection) {
        execute(connection, "ROLLBACK TO job")?;
    }
    execute(connection, "RELEASE job")
}

/// What a thread does beside its jobs.
#[derive(Default)]
struct Chores {
    all: Vec<Chore>,
    due: Option<Instant>,
}

impl Chores {
    fn add(&mut self, chore: Chore) {
        self.all.push(chore);
        self.due = Some(Instant::now());
    }

    fn wait(&self) -> Duration {
        let wait = |due: Instant| due.saturating_duration_since(Instant::now());
        self.due.map_or(CHORE_INTERVAL, wait)
    }

    fn run_if_due(&mut self, connection: &Connection) {
        if self.due.is_none_or(|due| due > Instant::now()) {
            return;
        }
        let mut more = false;
        for chore in &mut self.all {
            let done = in_transaction(connection, BEGIN_TO_WRITE, chore);
            // A chore that fails is tried again; what ails the file the jobs report, too.
            more |= done.unwrap_or(false);
        }
        let pause = if more { CHORE_PAUSE } else { CHORE_INTERVAL };
        self.due = Some(Instant::now() + pause);
    }
}
