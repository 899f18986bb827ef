//! What moves generations on, in bounded steps: Cloud Run gives no CPU between requests, so the ticker
//! asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanout_consume::Failure;
use fanout_runtime::{Clock, IdGenerator, Timestamp, error_chain, later};
use fanout_store::{
    CommitError, Documents, ReadError, StoreError, UpdateTime, Write, commit_through_contention,
};
use serde::Serialize;
use tokio::time::Instant;
use tracing::{error, info};

use crate::generations::Freshness;
use crate::projection::Projection;
use crate::stored::{Building, Stage, Standing, key};
use crate::table::Projections;

/// For how long the generation that was live before is fed, so that it can be live again.
pub(crate) const WAY_BACK: Duration = Duration::from_secs(24 * 60 * 60);

/// How far clocks of one machine may step back.
const MOMENT: Duration = Duration::from_secs(1);

/// Builds generations, switches to them, and back.
#[derive(Clone)]
pub struct Rebuilds {
    pub(crate) projections: Projections,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    stopping: Arc<AtomicBool>,
}

/// What one run has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RebuildReport {
    /// Events read from the store.
    pub events: u64,
    /// Rows written into generations that are built.
    pub rows: u64,
    /// Projections whose next generation is being built.
    pub building: u64,
    /// Projections that could not be moved on.
    pub failed: u64,
}

/// Why a projection was not moved on.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is no such projection.
    #[error("there is no such projection")]
    NoSuchProjection,
    /// No generation was live before, or it is too long ago.
    #[error("there is no generation to go back to")]
    NoWayBack,
    /// No generation is being built.
    #[error("no generation is being built")]
    NothingBuilt,
    /// Others moved it all the time.
    #[error("the projection was moved by others all the time")]
    Busy,
    /// An event's rows could not be planned.
    #[error("an event could not be projected")]
    Event(#[source] Failure),
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be stored.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// One projection that is being moved on.
pub(crate) struct Run<'a> {
    pub(crate) rebuilds: &'a Rebuilds,
    pub(crate) projection: &'a Projection,
    pub(crate) standing: Standing,
    pub(crate) report: &'a mut RebuildReport,
    version: Option<UpdateTime>,
    deadline: Instant,
}

/// Whether there may be more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    Rest,
}

impl From<StoreError> for RebuildError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl Rebuilds {
    /// How long one run of the ticker may take: Cloud Run cuts its request at 60 s.
    pub const RUN_LIMIT: Duration = Duration::from_secs(40);

    /// What moves these projections.
    pub fn new(
        projections: Projections,
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Self {
        Self {
            projections,
            documents,
            clock,
            ids,
            stopping: Arc::default(),
        }
    }

    /// Ends runs between two commits, now and from now on. For the end of the process.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Moves every projection on, as far as that goes within the limit. Safe to run any number of
    /// times at once: each commit carries the version of the projection's document.
    pub async fn advance(&self, limit: Duration) -> RebuildReport {
        let deadline = Instant::now() + limit;
        let mut report = RebuildReport::default();
        for owned in self.projections.all() {
            let moved = self.advance_one(&owned.projection, deadline, &mut report);
            match moved.await {
                Ok(standing) => report.building += u64::from(standing.building.is_some()),
                Err(failed) => {
                    let (projection, error) = (owned.projection.name, error_chain(&failed));
                    error!(projection, error, "a projection could not be moved on");
                    report.failed += 1;
                }
            }
        }
        report
    }

    async fn advance_one(
        &self,
        projection: &Projection,
        deadline: Instant,
        report: &mut RebuildReport,
    ) -> Result<Standing, RebuildError> {
        loop {
            let (standing, version) = self.read(projection).await?;
            let mut run = Run {
                rebuilds: self,
                projection,
                standing,
                report: &mut *report,
                version,
                deadline,
            };
            let next = run.step().await;
            match next {
                Ok(Next::GoOn) if !run.is_over() => {}
                Ok(Next::GoOn | Next::Rest) => return Ok(run.standing),
                // Another run is at it.
                Err(RebuildError::Commit(CommitError::Conflict(conflict)))
                    if conflict.key == key(projection.name) =>
                {
                    return Ok(run.standing);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How a projection stands, and the version of that; none where it has never been written.
    pub(crate) async fn read(
        &self,
        projection: &Projection,
    ) -> Result<(Standing, Option<UpdateTime>), RebuildError> {
        let found = self.documents.get(&key(projection.name)).await?;
        let Some(document) = found else {
            let now = self.clock.now();
            let first = Standing::first(projection.name, projection.schema, now);
            return Ok((first, None));
        };
        let standing = Standing::from_document(&document).map_err(ReadError::from)?;
        Ok((standing, Some(document.update_time)))
    }

    pub(crate) fn freshness(&self) -> Freshness {
        self.projections.freshness
    }
}

impl Run<'_> {
    async fn step(&mut self) -> Result<Next, RebuildError> {
        let now = self.rebuilds.clock.now();
        if self.version.is_none() {
            return self.settle_for(vec![]).await;
        }
        if let Some(building) = &self.standing.building {
            return match building.stage {
                Stage::Settling => self.begin_to_read().await,
                Stage::Reading { .. } => self.read_past().await,
                Stage::Comparing { .. } => self.compare().await,
            };
        }
        if self.projection.schema > self.standing.schema {
            self.standing.begin(self.projection, false, now);
            return self.settle_for(vec![]).await;
        }
        let over = |it: &mut crate::stored::Previous| it.until <= now;
        if let Some(previous) = self.standing.previous.take_if(over) {
            self.standing.dropped.push(previous.generation);
            self.standing.changed_at = now;
            return self.settle_for(vec![]).await;
        }
        match self.standing.dropped.first() {
            Some(generation) if self.is_settled(now) => self.drop_rows(*generation).await,
            Some(_) | None => Ok(Next::Rest),
        }
    }

    /// Whether all know how the projection stands.
    fn is_settled(&self, now: Timestamp) -> bool {
        let settled_after = self.rebuilds.freshness().settled_after();
        later(self.standing.changed_at, settled_after) <= now
    }

    /// What was planned without the new generation was stored before all knew of it, so reading the
    /// past begins then, and finds it.
    async fn begin_to_read(&mut self) -> Result<Next, RebuildError> {
        let now = self.rebuilds.clock.now();
        let settled_after = self.rebuilds.freshness().settled_after();
        let start = self.start();
        let Some(building) = &mut self.standing.building else {
            return Ok(Next::GoOn);
        };
        if now < later(building.begun_at, settled_after) {
            return Ok(Next::Rest);
        }
        building.stage = Stage::Reading {
            kind: 0,
            from: start,
            at: start,
            last: None,
            begun: None,
            until: later(now, settled_after + MOMENT),
        };
        self.settle_for(vec![]).await
    }

    /// Commits how the projection stands now, in the version in which it was read, with these.
    pub(crate) async fn settle_for(&mut self, writes: Vec<Write>) -> Result<Next, RebuildError> {
        let standing = self.standing.write(self.version);
        let all = [standing].into_iter().chain(writes).collect();
        let rebuilds = self.rebuilds;
        let (documents, ids) = (rebuilds.documents.as_ref(), rebuilds.ids.as_ref());
        let receipt = commit_through_contention(documents, ids, all).await?;
        self.version = receipt.update_times.first().copied().flatten();
        Ok(Next::GoOn)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.rebuilds.stopping.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    /// The new generation is complete: it is live from this commit on, unless it lacks what shows. Not
    /// while there may be readers of what was live before a way back: that is not fed any more then.
    pub(crate) async fn end(&mut self, compared: u64, missing: u64) -> Result<Next, RebuildError> {
        let now = self.rebuilds.clock.now();
        if !self.is_settled(now) {
            return Ok(Next::Rest);
        }
        let Some(building) = self.standing.building.take() else {
            return Ok(Next::GoOn);
        };
        let (projection, generation) = (self.projection.name, building.generation);
        let Building { events, rows, .. } = building;
        if missing > 0 && !building.accepts_missing {
            self.standing.refuse(&building, compared, missing, now);
            self.settle_for(vec![]).await?;
            error!(
                projection,
                generation, compared, missing, "the new generation lacks rows, and is not used"
            );
        } else {
            self.standing.switch_to(&building, now);
            self.settle_for(vec![]).await?;
            info!(
                projection,
                generation, events, rows, "the new generation is live"
            );
        }
        Ok(Next::GoOn)
    }
}
