//! How a projection stands, as operators see it.

use fanout_runtime::{Timestamp, serialize_rfc3339};
use serde::Serialize;

use crate::stored::{Building, Refused, Stage, Standing};

/// How a projection stands, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// The generation that is read.
    pub live: u64,
    /// The shape of its rows.
    pub schema: u32,
    /// What is being built.
    pub building: Option<ShownBuilding>,
    /// The generation to which `rollback` leads.
    pub previous: Option<u64>,
    /// The last one that did not become live.
    pub refused: Option<ShownRefused>,
}

/// A generation that is being built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownBuilding {
    /// Its number.
    pub generation: u64,
    /// `settling`, `reading` or `comparing`.
    pub stage: &'static str,
    /// How much is done.
    pub percent: u64,
    /// When it was begun.
    #[serde(serialize_with = "serialize_rfc3339")]
    pub begun_at: Timestamp,
    /// Events read.
    pub events: u64,
    /// Of those, events that are not valid.
    pub skipped: u64,
    /// Rows made of them.
    pub rows: u64,
}

/// A generation that lacks rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownRefused {
    /// Its number.
    pub generation: u64,
    /// When.
    #[serde(serialize_with = "serialize_rfc3339")]
    pub at: Timestamp,
    /// Rows that were looked for.
    pub compared: u64,
    /// Rows that it lacks.
    pub missing: u64,
}

impl Shown {
    /// Of this.
    pub fn of(standing: Standing) -> Self {
        let percent = standing.percent().unwrap_or_default();
        Self {
            name: standing.name,
            live: standing.live,
            schema: standing.live_schema,
            building: standing.building.map(|it| ShownBuilding::of(it, percent)),
            previous: standing.previous.map(|it| it.generation),
            refused: standing.refused.map(ShownRefused::of),
        }
    }
}

impl ShownBuilding {
    fn of(building: Building, percent: u64) -> Self {
        Self {
            generation: building.generation,
            stage: Stage::name(&building.stage),
            percent,
            begun_at: building.begun_at,
            events: building.events,
            skipped: building.skipped,
            rows: building.rows,
        }
    }
}

impl ShownRefused {
    fn of(refused: Refused) -> Self {
        Self {
            generation: refused.generation,
            at: refused.at,
            compared: refused.compared,
            missing: refused.missing,
        }
    }
}
