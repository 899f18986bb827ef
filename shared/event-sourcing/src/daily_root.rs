//! One hash a day over the heads of all streams: what the chains cannot tell, that a stream's last
//! events or a whole stream are gone, this does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use fanout_runtime::{Clock, Timestamp};
use fanout_store::{
    Collection, CommitError, Document, Documents, Fields, Key, MalformedDocument, StoreError, Write,
};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::make_root::RootOfDay;
use crate::{CopyError, LoadError, RootCopies};

/// The collection of daily roots, by date.
pub const AUDIT_ROOTS: &Collection = &Collection::named("audit_roots");

/// The field with a day's root.
pub(crate) const ROOT: &str = "root";

/// How long after its end a day's events are all stored: longer than a commit can take, and than
/// clocks differ.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// For how many days a root that could not be made or copied is tried again.
const TRIED_FOR: u64 = 31;

/// The last moment of a UTC day.
pub(crate) fn end_of(day: NaiveDate) -> Timestamp {
    let next = day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    next.and_time(NaiveTime::MIN).and_utc() - TimeDelta::milliseconds(1)
}

/// A root that is being made of heads, in the order of the streams' names.
pub(crate) struct Root {
    hash: Sha256,
    pub(crate) streams: u64,
}

impl Root {
    pub(crate) fn new() -> Self {
        Self {
            hash: Sha256::new(),
            streams: 0,
        }
    }

    pub(crate) fn add(&mut self, stream: &str, sequence: u64, hash: &str) {
        // A line break is in none of them.
        self.hash.update(format!("{stream}\n{sequence}\n{hash}\n"));
        self.streams += 1;
    }

    pub(crate) fn finish(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }
}

/// Why a root was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepRootError {
    /// It was not written.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It was not written: without this event it would be another.
    #[error("the last event of a stream, {event_id}, is not what was stored")]
    Head {
        /// Which.
        event_id: String,
        /// Why.
        #[source]
        cause: MalformedDocument,
    },
    /// The run took too long. The next one goes on where it stopped.
    #[error("out of time after the heads of {heads} streams: the next run goes on from there")]
    OutOfTime {
        /// How many had been read of the day that it was at.
        heads: usize,
    },
    /// It is written, and not copied.
    #[error("a root was not copied")]
    Copy(#[from] CopyError),
}

impl From<StoreError> for KeepRootError {
    fn from(error: StoreError) -> Self {
        Self::Load(error.into())
    }
}

/// What keeps the roots of days that are over.
#[derive(Clone)]
pub struct DailyRoots {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    first: &'static str,
    copies: Option<Arc<dyn RootCopies>>,
    progress: Arc<Mutex<Progress>>,
    stopping: CancellationToken,
}

/// How far this process has come.
#[derive(Default)]
struct Progress {
    /// The last day that nothing is left to be done for.
    done: Option<NaiveDate>,
    /// The root that is being made.
    making: Option<RootOfDay>,
    /// The days whose roots it has copied, or found copied.
    copied: BTreeSet<NaiveDate>,
}

impl DailyRoots {
    /// How long one run of the ticker may take: Cloud Run cuts its request at 60 s.
    pub const RUN_LIMIT: Duration = Duration::from_secs(40);

    /// Of all streams that begin with events of this type.
    pub fn new(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>, first: &'static str) -> Self {
        Self {
            documents,
            clock,
            first,
            copies: None,
            progress: Arc::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// The same, copying each root there as well.
    pub fn copied_to(self, copies: Arc<dyn RootCopies>) -> Self {
        let copies = Some(copies);
        Self { copies, ..self }
    }

    /// Ends runs, now and from now on. For the end of the process.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Writes the roots of yesterday and of days that were missed, if there are streams and they are
    /// not there yet, and copies what has not been copied. Answers whether it wrote one. Asks the store
    /// once a day, once all is done.
    ///
    /// A run that ends at its limit, fails or is dropped is gone on with by the next one in this
    /// process.
    pub async fn keep(&self, limit: Duration) -> Result<bool, KeepRootError> {
        // Another run is at it.
        let Ok(mut progress) = self.progress.try_lock() else {
            return Ok(false);
        };
        let kept = tokio::select! {
            kept = timeout(limit, self.keep_on(&mut progress)) => kept,
            () = self.stopping.cancelled() => return Ok(false),
        };
        kept.unwrap_or_else(|_| {
            let heads = progress.making.as_ref().map_or(0, |making| making.asked);
            Err(KeepRootError::OutOfTime { heads })
        })
    }

    async fn keep_on(&self, progress: &mut Progress) -> Result<bool, KeepRootError> {
        // Until then an event of yesterday may still be on its way into the store.
        let settled = self.clock.now() - SETTLED_AFTER;
        let Some(yesterday) = settled.date_naive().checked_sub_days(Days::new(1)) else {
            return Ok(false);
        };
        if progress.done == Some(yesterday) {
            return Ok(false);
        }
        let (days, roots) = self.roots_until(yesterday).await?;
        // Without an older root it is not known that there were streams; and a day before the first
        // of them has none.
        let oldest = roots.iter().rposition(Option::is_some).unwrap_or_default();
        let missing = days.into_iter().zip(roots).take(oldest + 1);
        let missing = missing.filter(|(_, root)| root.is_none());
        let (mut wrote, mut made, mut copied) = (false, Ok(()), None);
        // Made first, so that a slow place of the copies holds up no root; copied after each, so that
        // neither an older day nor the end of the run holds up a copy.
        for (day, _) in missing {
            let making = self.make(day, &mut progress.making).await;
            made = making.map(|is_new| wrote |= is_new);
            copied = Some(self.copy_until(yesterday, &mut progress.copied).await);
            if made.is_err() {
                break;
            }
        }
        made?;
        match copied {
            Some(copied) => copied?,
            None => self.copy_until(yesterday, &mut progress.copied).await?,
        }
        progress.done = Some(yesterday);
        Ok(wrote)
    }

    /// The days for which there is something to be tried, the latest first, and their roots.
    async fn roots_until(
        &self,
        day: NaiveDate,
    ) -> Result<(Vec<NaiveDate>, Vec<Option<Document>>), StoreError> {
        let days = (0..TRIED_FOR).filter_map(|back| day.checked_sub_days(Days::new(back)));
        let days: Vec<NaiveDate> = days.collect();
        let keys: Vec<Key> = days.iter().map(|day| key_of(*day)).collect();
        let roots = self.documents.get_many(&keys).await?;
        Ok((days, roots))
    }

    /// Copies the roots of the days that this process has not copied. Who may write to the database does
    /// not say which: a copy that is there already stays as it is, so that is asked where the copies are.
    async fn copy_until(
        &self,
        day: NaiveDate,
        copied: &mut BTreeSet<NaiveDate>,
    ) -> Result<(), KeepRootError> {
        let Some(copies) = &self.copies else {
            return Ok(());
        };
        let (days, roots) = self.roots_until(day).await?;
        for (day, root) in days.into_iter().zip(roots) {
            let Some(root) = root.filter(|_| !copied.contains(&day)) else {
                continue;
            };
            let text = root.fields.text(ROOT).map_err(LoadError::from)?;
            copies.keep(day, text).await?;
            copied.insert(day);
        }
        Ok(())
    }

    /// Makes the root of a day, if there were streams. Answers whether it wrote it.
    async fn make(
        &self,
        day: NaiveDate,
        making: &mut Option<RootOfDay>,
    ) -> Result<bool, KeepRootError> {
        let made = making.get_or_insert_with(|| RootOfDay::new(day, self.first));
        if made.day != day {
            *made = RootOfDay::new(day, self.first);
        }
        made.finish(self.documents.as_ref()).await?;
        let mut wrote = false;
        if made.root.streams > 0 {
            let fields = Fields::new()
                .with("streams", made.root.streams)
                .with(ROOT, made.root.finish())
                .with("created_at", self.clock.now());
            let writes = vec![Write::create(key_of(day), fields)];
            wrote = match self.documents.commit(writes).await {
                Ok(_) => true,
                // Another process has written it: the same.
                Err(CommitError::Conflict(_)) => false,
                Err(CommitError::Contention(cause)) => {
                    return Err(StoreError::Unavailable(cause).into());
                }
                Err(CommitError::Store(error)) => return Err(error.into()),
            };
        }
        *making = None;
        Ok(wrote)
    }
}

fn key_of(day: NaiveDate) -> Key {
    Key::new(AUDIT_ROOTS, &day.to_string())
}
