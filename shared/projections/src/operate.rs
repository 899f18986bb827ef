//! An operator's word, and the changes of a projection that readers notice nothing of.

use fanout_runtime::{Timestamp, later};
use fanout_store::{CommitError, UpdateTime, commit_through_contention};

use crate::projection::Projection;
use crate::rebuilds::{RebuildError, Rebuilds, WAY_BACK};
use crate::stored::{Building, Previous, Refused, Stage, Standing};

/// How often a word is tried again because the projection moved meanwhile.
const TRIES: u32 = 5;

impl Rebuilds {
    /// Begins to build the next generation; one that is being built goes on. `accepts_missing` uses it
    /// even if it lacks rows that show now.
    pub async fn begin(&self, name: &str, accepts_missing: bool) -> Result<Standing, RebuildError> {
        let projection = self.projection(name)?;
        self.change(projection, |standing, now| {
            match &mut standing.building {
                Some(building) => building.accepts_missing |= accepts_missing,
                None => standing.begin(projection, accepts_missing, now),
            }
            Ok(())
        })
        .await
    }

    /// Makes the generation live that was before.
    pub async fn roll_back(&self, name: &str) -> Result<Standing, RebuildError> {
        let projection = self.projection(name)?;
        self.change(projection, |standing, now| {
            let previous = standing.previous.as_mut();
            let previous = previous.filter(|it| it.until > now);
            let previous = previous.ok_or(RebuildError::NoWayBack)?;
            std::mem::swap(&mut previous.generation, &mut standing.live);
            std::mem::swap(&mut previous.schema, &mut standing.live_schema);
            previous.until = later(now, WAY_BACK);
            standing.changed_at = now;
            if let Some(building) = &mut standing.building {
                building.stage.compare_again();
            }
            Ok(())
        })
        .await
    }

    /// Gives up what is being built, such as a rebuild that fails at the same event each time. Its rows
    /// are deleted; what is live stays.
    pub async fn cancel(&self, name: &str) -> Result<Standing, RebuildError> {
        let projection = self.projection(name)?;
        self.change(projection, |standing, now| {
            let building = standing.building.take();
            let building = building.ok_or(RebuildError::NothingBuilt)?;
            standing.drop_built(&building, now);
            Ok(())
        })
        .await
    }

    /// How a projection stands.
    pub async fn standing(&self, name: &str) -> Result<Standing, RebuildError> {
        Ok(self.read(self.projection(name)?).await?.0)
    }

    fn projection(&self, name: &str) -> Result<&Projection, RebuildError> {
        let owned = self.projections.find(name);
        let owned = owned.ok_or(RebuildError::NoSuchProjection)?;
        Ok(&owned.projection)
    }

    async fn change(
        &self,
        projection: &Projection,
        change: impl Fn(&mut Standing, Timestamp) -> Result<(), RebuildError>,
    ) -> Result<Standing, RebuildError> {
        for _ in 0..TRIES {
            let (mut standing, version): (_, Option<UpdateTime>) = self.read(projection).await?;
            change(&mut standing, self.clock.now())?;
            let write = vec![standing.write(version)];
            let (documents, ids) = (self.documents.as_ref(), self.ids.as_ref());
            match commit_through_contention(documents, ids, write).await {
                Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
                done => return Ok(done.map(|_| standing)?),
            }
        }
        Err(RebuildError::Busy)
    }
}

impl Standing {
    /// From the commit of this on, events make rows of one more generation.
    pub(crate) fn begin(&mut self, projection: &Projection, accepts_missing: bool, now: Timestamp) {
        self.newest += 1;
        self.schema = projection.schema;
        self.changed_at = now;
        self.refused = None;
        self.building = Some(Building {
            generation: self.newest,
            schema: projection.schema,
            begun_at: now,
            accepts_missing,
            stage: Stage::Settling,
            events: 0,
            skipped: 0,
            rows: 0,
        });
    }

    /// From the commit of this on, readers read this generation; the one before is fed for a day.
    pub(crate) fn switch_to(&mut self, building: &Building, now: Timestamp) {
        let previous = self.previous.replace(Previous {
            generation: self.live,
            schema: self.live_schema,
            until: later(now, WAY_BACK),
        });
        self.dropped.extend(previous.map(|it| it.generation));
        self.live = building.generation;
        self.live_schema = building.schema;
        self.changed_at = now;
    }

    fn drop_built(&mut self, building: &Building, now: Timestamp) {
        self.dropped.push(building.generation);
        self.changed_at = now;
    }

    /// What was built is not used.
    pub(crate) fn refuse(
        &mut self,
        building: &Building,
        compared: u64,
        missing: u64,
        now: Timestamp,
    ) {
        self.drop_built(building, now);
        self.refused = Some(Refused {
            generation: building.generation,
            at: now,
            compared,
            missing,
        });
    }
}
