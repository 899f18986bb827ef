//! The projections of a system, each with the service that owns it.

use std::sync::Arc;

use crate::generations::Freshness;
use crate::projection::Projection;

/// A projection, and the service that owns it.
#[derive(Clone)]
pub struct Owned {
    /// The service: its consumer is the projection's, and its operators ask there.
    pub service: &'static str,
    /// The projection.
    pub projection: Projection,
}

/// All projections, and how new the knowledge of their generations is wherever they are written.
#[derive(Clone)]
pub struct Projections {
    owned: Arc<Vec<Owned>>,
    /// The same for all instances of all services.
    pub freshness: Freshness,
}

impl Projections {
    /// These.
    pub fn of(owned: Vec<Owned>, freshness: Freshness) -> Self {
        let owned = Arc::new(owned);
        Self { owned, freshness }
    }

    /// Those that a service owns.
    pub fn of_service(&self, service: &str) -> Self {
        let owned = self.owned.iter().filter(|owned| owned.service == service);
        Self::of(owned.cloned().collect(), self.freshness)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Owned> {
        self.owned.iter()
    }

    /// The one of this name.
    pub fn find(&self, name: &str) -> Option<&Owned> {
        self.all().find(|owned| owned.projection.name == name)
    }
}
