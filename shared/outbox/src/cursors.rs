//! Where the relay's next run begins to look.
//!
//! A row that has been published is gone from the index of waiting rows, but a store walks over what
//! is gone for a while. So a run begins where the last one saw that nothing waits before.
//!
//! Two things keep a cursor from passing over a row that waits. It stays behind the oldest row that
//! was left. And it stays [`OVERLAP`] behind the time of its run: a row may be committed after its
//! own time, by a slow commit or an instance whose clock is late. Beyond that, each hour a run begins
//! at the very beginning.

use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, CommitError, Comparison, Direction, Documents, Fields, Key, Query, StoreError,
    Write,
};

use crate::row::{EVENTS, SHARDS, WAITING};

/// The collection of cursors, with one document.
pub const OUTBOX_CURSORS: &Collection = &Collection::named("outbox_cursors");

/// How far a cursor stays behind its run: longer than a commit can take, and than clocks differ.
const OVERLAP: Duration = Duration::from_secs(10 * 60);
/// How often a run begins at the very beginning.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How far cursors must move before they are stored again.
const WORTH_STORING: Duration = Duration::from_secs(60);

pub(super) struct Cursors {
    /// Nothing waits in a shard that was recorded before.
    stored: Vec<Timestamp>,
    /// When the last run began that looked at everything.
    swept_at: Timestamp,
    began: Timestamp,
    /// Whether this run looks at everything.
    sweeps: bool,
}

impl Cursors {
    pub(super) async fn read(
        documents: &dyn Documents,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let found = documents.get(&key()).await?;
        let fields = found.map(|found| found.fields).unwrap_or_default();
        let read = |name: &str| fields.timestamp(name).unwrap_or(Timestamp::UNIX_EPOCH);
        let swept_at = read("swept_at");
        Ok(Self {
            stored: (0..SHARDS).map(|shard| read(&field(shard))).collect(),
            swept_at,
            began: now,
            sweeps: before(now, SWEEP_INTERVAL) >= swept_at,
        })
    }

    /// The rows of a shard that wait, oldest first, from where this run begins.
    pub(super) fn query(&self, shard: u64) -> Query {
        let query = Query::of(EVENTS).only(WAITING, Comparison::Equal, shard);
        let query = match self.stored_of(shard) {
            Some(from) if !self.sweeps => query.only("recorded_at", Comparison::AtLeast, from),
            Some(_) | None => query,
        };
        query.order_by("recorded_at", Direction::Ascending)
    }

    /// Nothing waits in this shard that was recorded before, as far as earlier runs saw.
    pub(super) fn stored_of(&self, shard: u64) -> Option<Timestamp> {
        self.stored.get(usize::try_from(shard).ok()?).copied()
    }

    /// What was recorded until then is in the store.
    pub(super) fn settled(&self) -> Timestamp {
        before(self.began, OVERLAP)
    }

    /// Stores where the next run begins. `oldest_left`: for each shard the time of the oldest row
    /// that may still wait, as far as this run knows. `complete`: whether it came to the end of all.
    pub(super) async fn keep(
        self,
        documents: &dyn Documents,
        oldest_left: &[Option<Timestamp>],
        complete: bool,
    ) -> Result<(), StoreError> {
        let settled = self.settled();
        let kept = oldest_left
            .iter()
            .map(|oldest| oldest.map_or(settled, |oldest| oldest.min(settled)));
        let kept: Vec<Timestamp> = kept.collect();
        let moved = kept.iter().zip(&self.stored);
        let moved = moved.map(|(kept, stored)| (*kept - *stored).abs()).max();
        let swept = self.sweeps && complete;
        let worth = moved.is_some_and(|by| by.to_std().is_ok_and(|by| by >= WORTH_STORING));
        if !swept && !worth {
            return Ok(());
        }
        let swept_at = if swept { self.began } else { self.swept_at };
        let fields = (0..).zip(kept).map(|(shard, at)| (field(shard), at.into()));
        let fields: Fields = fields.collect();
        // The last run wins: each run's cursors are right, and none is needed.
        let write = Write::set(key(), fields.with("swept_at", swept_at));
        match documents.commit(vec![write]).await {
            Ok(_) | Err(CommitError::Contention(_) | CommitError::Conflict(_)) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

fn key() -> Key {
    Key::new(OUTBOX_CURSORS, "relay")
}

fn field(shard: u64) -> String {
    format!("shard_{shard:02}")
}

fn before(time: Timestamp, by: Duration) -> Timestamp {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    time.checked_sub_signed(by).unwrap_or(Timestamp::MIN_UTC)
}
