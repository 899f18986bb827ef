//! One hash a day over the heads of all streams: what the chains cannot tell, that a stream's last
//! events or a whole stream are gone, this does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use fanout_outbox::{EVENTS, EventRow, SHARDS};
use fanout_runtime::{Clock, Timestamp};
use fanout_store::{
    Collection, CommitError, Comparison, Direction, Documents, Fields, Key, Precondition, Query,
    StoreError, Write,
};
use sha2::{Digest, Sha256};

use crate::chain::HASH;
use crate::ledger::of;
use crate::{CopyError, LoadError, RootCopies};

/// The collection of daily roots, by date.
pub const AUDIT_ROOTS: &Collection = &Collection::named("audit_roots");

/// The field with a day's root.
pub(crate) const ROOT: &str = "root";
/// The field that says when it was copied.
const COPIED_AT: &str = "copied_at";

/// How long after its end a day's events are all stored: longer than a commit can take, and than
/// clocks differ.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// For how many days a root that could not be copied is tried again.
const COPIED_FOR: u64 = 31;

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

    pub(crate) fn finish(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

/// The names of all streams whose first event has this type.
pub(crate) async fn streams(
    documents: &dyn Documents,
    first: &str,
) -> Result<BTreeSet<String>, LoadError> {
    let mut names = BTreeSet::new();
    for shard in 0..SHARDS {
        let mut query = Query::of(EVENTS)
            .only("type", Comparison::Equal, first)
            .only("shard", Comparison::Equal, shard)
            .order_by("recorded_at", Direction::Ascending);
        loop {
            let page = documents.query(&query).await?;
            for document in &page.documents {
                names.insert(document.fields.text("subject")?.to_owned());
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
    }
    Ok(names)
}

/// Why a root was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepRootError {
    /// It was not written.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It is written, and not copied.
    #[error("a root was not copied")]
    Copy(#[from] CopyError),
}

impl From<StoreError> for KeepRootError {
    fn from(error: StoreError) -> Self {
        Self::Load(error.into())
    }
}

impl From<CommitError> for KeepRootError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::Contention(cause) => StoreError::Unavailable(cause).into(),
            // Of a write that another run was faster with; the next one looks again.
            CommitError::Conflict(conflict) => StoreError::Unavailable(conflict.into()).into(),
        }
    }
}

/// What keeps the roots of days that are over.
#[derive(Clone)]
pub struct DailyRoots {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    first: &'static str,
    copies: Option<Arc<dyn RootCopies>>,
    /// The last day that nothing is left to be done for.
    done: Arc<Mutex<Option<NaiveDate>>>,
}

impl DailyRoots {
    /// Of all streams that begin with events of this type.
    pub fn new(documents: Arc<dyn Documents>, clock: Arc<dyn Clock>, first: &'static str) -> Self {
        Self {
            documents,
            clock,
            first,
            copies: None,
            done: Arc::default(),
        }
    }

    /// The same, copying each root there as well.
    pub fn copied_to(self, copies: Arc<dyn RootCopies>) -> Self {
        let copies = Some(copies);
        Self { copies, ..self }
    }

    /// Writes yesterday's root, if there are streams and it is not there yet, and copies what has not
    /// been copied. Answers whether it wrote one. Asks the store once a day, once all is done.
    pub async fn keep(&self) -> Result<bool, KeepRootError> {
        // Until then an event of yesterday may still be on its way into the store.
        let settled = self.clock.now() - SETTLED_AFTER;
        let Some(day) = settled.date_naive().checked_sub_days(Days::new(1)) else {
            return Ok(false);
        };
        if *self.done() == Some(day) {
            return Ok(false);
        }
        let kept = self.keep_of(day).await?;
        if let Some(copies) = &self.copies {
            self.copy_until(day, copies.as_ref()).await?;
        }
        *self.done() = Some(day);
        Ok(kept)
    }

    fn done(&self) -> MutexGuard<'_, Option<NaiveDate>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies the roots of this day and those before it that say nothing of a copy. One that was copied
    /// by a process that did not live to note it is copied again, which changes nothing.
    async fn copy_until(
        &self,
        day: NaiveDate,
        copies: &dyn RootCopies,
    ) -> Result<(), KeepRootError> {
        let days = (0..COPIED_FOR).filter_map(|back| day.checked_sub_days(Days::new(back)));
        let days: Vec<NaiveDate> = days.collect();
        let keys = days
            .iter()
            .map(|day| Key::new(AUDIT_ROOTS, &day.to_string()));
        let keys: Vec<Key> = keys.collect();
        let roots = self.documents.get_many(&keys).await?;
        for (day, root) in days.into_iter().zip(roots) {
            let Some(root) = root.filter(|it| it.fields.get(COPIED_AT).is_none()) else {
                continue;
            };
            let text = root.fields.text(ROOT).map_err(LoadError::from)?;
            copies.keep(day, text).await?;
            let copied = Fields::new().with(COPIED_AT, self.clock.now());
            let note = Write::merge(root.key, copied).only_if(Precondition::Exists);
            self.documents.commit(vec![note]).await?;
        }
        Ok(())
    }

    async fn keep_of(&self, day: NaiveDate) -> Result<bool, LoadError> {
        let documents = self.documents.as_ref();
        let key = Key::new(AUDIT_ROOTS, &day.to_string());
        if documents.get(&key).await?.is_some() {
            return Ok(false);
        }
        let mut root = Root::new();
        for stream in streams(documents, self.first).await? {
            let head = of(&stream)
                .only("recorded_at", Comparison::AtMost, end_of(day))
                .order_by("recorded_at", Direction::Descending)
                .limit(1);
            if let Some(document) = documents.query(&head).await?.documents.first() {
                let row = EventRow::from_document(document)?;
                let beside = row.lasting.unwrap_or_default();
                root.add(&stream, row.sequence, beside.text(HASH)?);
            }
        }
        if root.streams == 0 {
            return Ok(false);
        }
        let fields = Fields::new()
            .with("streams", root.streams)
            .with(ROOT, root.finish())
            .with("created_at", self.clock.now());
        match documents.commit(vec![Write::create(key, fields)]).await {
            Ok(_) => Ok(true),
            // Another run has written it: the same.
            Err(CommitError::Conflict(_)) => Ok(false),
            Err(CommitError::Contention(cause)) => Err(StoreError::Unavailable(cause).into()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
