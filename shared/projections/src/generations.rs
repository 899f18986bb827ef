//! Which generations there are, as those know it that write rows and read them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fanout_runtime::{Clock, Timestamp};
use fanout_store::{Documents, ReadError};

use crate::stored::{Standing, find_standing};

/// How new the knowledge of generations is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Read each time: where all is in one process, that costs next to nothing.
    EachTime,
    /// At most so old: where each reading is a round trip.
    Cached(Duration),
}

/// The generations of one projection.
#[derive(Clone)]
pub struct Generations {
    name: &'static str,
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    freshness: Freshness,
    cache: Arc<Mutex<Option<(Timestamp, Known)>>>,
}

#[derive(Clone)]
struct Known {
    live: u64,
    fed: Vec<u64>,
}

impl Freshness {
    /// What containers do.
    pub const CLOUD: Self = Self::Cached(Duration::from_secs(30));

    /// How long after a change all know of it. Twice as long as they may take: their clocks, and the
    /// one that measures this, are not the same.
    pub(crate) fn settled_after(self) -> Duration {
        match self {
            Self::EachTime => Duration::ZERO,
            Self::Cached(limit) => limit.saturating_mul(2),
        }
    }

    fn limit(self) -> Duration {
        match self {
            Self::EachTime => Duration::ZERO,
            Self::Cached(limit) => limit,
        }
    }
}

impl Generations {
    /// Those of the projection of this name.
    pub fn of(
        name: &'static str,
        documents: Arc<dyn Documents>,
        clock: Arc<dyn Clock>,
        freshness: Freshness,
    ) -> Self {
        Self {
            name,
            documents,
            clock,
            freshness,
            cache: Arc::default(),
        }
    }

    /// The one that readers read. Ask once for each answer, so that an answer is of one.
    pub async fn live(&self) -> Result<u64, ReadError> {
        Ok(self.known().await?.live)
    }

    /// Those that are kept up to date.
    pub(crate) async fn fed(&self) -> Result<Vec<u64>, ReadError> {
        Ok(self.known().await?.fed)
    }

    async fn known(&self) -> Result<Known, ReadError> {
        let now = self.clock.now();
        if let Some(known) = self.remembered(now) {
            return Ok(known);
        }
        let standing = find_standing(self.documents.as_ref(), self.name).await?;
        let known = Known::of(&standing);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        *cache = Some((now, known.clone()));
        Ok(known)
    }

    /// As it was before the reading began: no copy is used longer than it may be.
    fn remembered(&self, now: Timestamp) -> Option<Known> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, known) = cache.as_ref()?;
        let age = (now - *read_at).to_std().ok()?;
        (age < self.freshness.limit()).then(|| known.clone())
    }
}

impl Known {
    fn of(standing: &Standing) -> Self {
        let building = standing.building.as_ref().map(|it| it.generation);
        let previous = standing.previous.as_ref().map(|it| it.generation);
        let beside = building.into_iter().chain(previous);
        Self {
            live: standing.live,
            fed: [standing.live].into_iter().chain(beside).collect(),
        }
    }
}
