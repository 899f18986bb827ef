//! A thread that has a connection to itself, and works off jobs and chores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Savepoint, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::database::DatabaseError;

/// How often a chore is looked after, and how soon again if it has more to do: a backlog of its
/// batches leaves most of the time to the jobs.
const CHORE_INTERVAL: Duration = Duration::from_secs(60);
const CHORE_PAUSE: Duration = Duration::from_millis(100);

/// Housekeeping, a small batch a call, in a transaction of its own; true if there is more to do.
pub(super) type Chore = Box<dyn FnMut(&Savepoint<'_>) -> Result<bool, DatabaseError> + Send>;

/// How a worker runs its jobs.
#[derive(Clone, Copy)]
pub(super) struct Mode {
    pub(super) behavior: TransactionBehavior,
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

/// One unit of work: runs in a savepoint of its own, is answered after the commit.
trait Job: Send {
    fn run(&mut self, transaction: &mut Transaction<'_>);
    fn answer(self: Box<Self>, committed: Result<(), &str>);
}

struct Work<T, E, F> {
    work: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Work<T, E, F>
where
    F: FnOnce(&Savepoint<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<DatabaseError> + Send,
{
    fn run(&mut self, transaction: &mut Transaction<'_>) {
        if let Some(work) = self.work.take() {
            self.result = Some(in_savepoint(transaction, work));
        }
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

/// An error, and a panic too, undoes all that the work did; its neighbours go on, and so does the
/// thread: a process that answers nothing any more would be worse than one failed request.
pub(super) fn in_savepoint<T, E: From<DatabaseError>>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&Savepoint<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let savepoint = transaction.savepoint().map_err(DatabaseError::from)?;
    // What the work leaves half done is in the savepoint, which is dropped: that rolls it back.
    match catch_unwind(AssertUnwindSafe(|| work(&savepoint))) {
        Ok(result) => {
            let value = result?;
            savepoint.commit().map_err(DatabaseError::from)?;
            Ok(value)
        }
        Err(_panic) => Err(DatabaseError::Panicked.into()),
    }
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

    pub(super) async fn call<T, E>(
        &self,
        work: impl FnOnce(&Savepoint<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Errand::Job(Box::new(Work {
            work: Some(work),
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

fn work_off(mut connection: Connection, queue: &mpsc::Receiver<Errand>, mode: Mode) {
    let mut chores = Chores::default();
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
            let committed = run_group(&mut connection, &mut group, mode.behavior);
            let committed = committed.map_err(|error| error.to_string());
            for job in group {
                job.answer(committed.as_ref().copied().map_err(String::as_str));
            }
        }
        chores.run_if_due(&mut connection);
    }
}

fn run_group(
    connection: &mut Connection,
    group: &mut [Box<dyn Job>],
    behavior: TransactionBehavior,
) -> Result<(), DatabaseError> {
    let mut transaction = connection.transaction_with_behavior(behavior)?;
    for job in group {
        job.run(&mut transaction);
    }
    Ok(transaction.commit()?)
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

    fn run_if_due(&mut self, connection: &mut Connection) {
        if self.due.is_none_or(|due| due > Instant::now()) {
            return;
        }
        let mut more = false;
        for chore in &mut self.all {
            let done = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(DatabaseError::from)
                .and_then(|mut transaction| {
                    let more = in_savepoint(&mut transaction, chore)?;
                    transaction.commit()?;
                    Ok(more)
                });
            // A chore that fails is tried again; what ails the file the jobs report, too.
            more |= done.unwrap_or(false);
        }
        let pause = if more { CHORE_PAUSE } else { CHORE_INTERVAL };
        self.due = Some(Instant::now() + pause);
    }
}
