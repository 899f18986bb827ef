//! How a projection stands, as a document.

use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, Document, Documents, Fields, Key, MalformedDocument, ReadError, UpdateTime, Value,
    Write,
};

mod fields;

use fields::{map, number, numbers};

/// The collection of projections, by name.
pub const PROJECTIONS: &Collection = &Collection::named("projections");

/// How a projection stands: its generations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// The schema of the newest generation.
    pub schema: u32,
    /// The generation that is read.
    pub live: u64,
    /// The schema of that.
    pub live_schema: u32,
    /// The highest number that a generation ever had.
    pub newest: u64,
    /// When generations began or ended to be fed, or another became live.
    pub changed_at: Timestamp,
    /// The generation that is being built.
    pub building: Option<Building>,
    /// The one that was live before, and can be again.
    pub previous: Option<Previous>,
    /// Those whose rows are still to be deleted.
    pub dropped: Vec<u64>,
    /// The last one that did not become live.
    pub refused: Option<Refused>,
}

/// A generation that is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Building {
    /// Its number.
    pub generation: u64,
    /// The schema of its rows.
    pub schema: u32,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// Whether it is used even if it lacks rows that show now.
    pub accepts_missing: bool,
    /// How far it is.
    pub stage: Stage,
    /// Events read from the store.
    pub events: u64,
    /// Events that make no rows because they are not valid.
    pub skipped: u64,
    /// Rows made of them.
    pub rows: u64,
}

/// How far a generation is that is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// All instances are to know of it before the past is read.
    Settling,
    /// The past is read, a type of events after the other.
    Reading {
        /// Which type, from 0.
        kind: u64,
        /// When the first event of the type was recorded.
        from: Timestamp,
        /// When the last one was that has been taken.
        at: Timestamp,
        /// Which one that was; where none is named, those of that moment are taken once more.
        last: Option<String>,
        /// One behind it, of which not all rows are stored.
        begun: Option<Begun>,
        /// What is recorded later was taken as it came.
        until: Timestamp,
    },
    /// What is live is looked for in it.
    Comparing {
        /// Which table, from 0.
        table: u64,
        /// The row that was compared last.
        after: Option<String>,
        /// Rows compared.
        compared: u64,
        /// Rows that show, and that the new generation lacks.
        missing: u64,
    },
}

/// An event of which a part of the rows is stored: those up to one, by table and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Which event.
    pub event_id: String,
    /// The table of the last row that is stored.
    pub table: String,
    /// The id of that row, without its generation.
    pub row: String,
}

/// A generation that was live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Its number.
    pub generation: u64,
    /// The schema of its rows.
    pub schema: u32,
    /// Until when it is fed.
    pub until: Timestamp,
}

/// A generation that was built and did not become live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub generation: u64,
    /// When.
    pub at: Timestamp,
    /// Rows of the live generation that were looked for.
    pub compared: u64,
    /// How many of those it lacks.
    pub missing: u64,
}

/// How a projection stands; as at its first start, where it has none yet.
pub async fn find_standing(documents: &dyn Documents, name: &str) -> Result<Standing, ReadError> {
    let found = documents.get(&key(name)).await?;
    match found {
        Some(document) => Ok(Standing::from_document(&document)?),
        None => Ok(Standing::first(name, 1, Timestamp::UNIX_EPOCH)),
    }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(PROJECTIONS, name)
}

impl Standing {
    pub(crate) fn first(name: &str, schema: u32, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            schema,
            live: 1,
            live_schema: schema,
            newest: 1,
            changed_at: now,
            building: None,
            previous: None,
            dropped: Vec::new(),
            refused: None,
        }
    }

    /// How much of what is being built is done, from 0 to 100; by the times of events, since their
    /// number is not known before they are read.
    pub fn percent(&self) -> Option<u64> {
        let building = self.building.as_ref()?;
        Some(match &building.stage {
            Stage::Settling => 0,
            Stage::Reading {
                from, at, until, ..
            } => share(*at - *from, *until - *from, 80),
            Stage::Comparing { compared, .. } => {
                80 + (20 * compared)
                    .checked_div(building.rows)
                    .unwrap_or(20)
                    .min(19)
            }
        })
    }

    pub(crate) fn write(&self, version: Option<UpdateTime>) -> Write {
        match version {
            Some(version) => Write::replace(key(&self.name), self.to_fields(), version),
            None => Write::create(key(&self.name), self.to_fields()),
        }
    }

    fn to_fields(&self) -> Fields {
        let dropped = self.dropped.iter().copied().map(Value::from).collect();
        Fields::new()
            .with("name", self.name.as_str())
            .with("schema", self.schema)
            .with("live", self.live)
            .with("live_schema", self.live_schema)
            .with("newest", self.newest)
            .with("changed_at", self.changed_at)
            .with("building", self.building.as_ref().map(Building::to_value))
            .with("previous", self.previous.as_ref().map(Previous::to_value))
            .with("dropped", Value::Array(dropped))
            .with("refused", self.refused.as_ref().map(Refused::to_value))
    }

    pub(crate) fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        let fields = &document.fields;
        let building = map(fields, "building")?.map(Building::from_fields);
        let previous = map(fields, "previous")?.map(Previous::from_fields);
        let refused = map(fields, "refused")?.map(Refused::from_fields);
        Ok(Self {
            name: fields.text("name")?.to_owned(),
            schema: number(fields, "schema")?,
            live: fields.count("live")?,
            live_schema: number(fields, "live_schema")?,
            newest: fields.count("newest")?,
            changed_at: fields.timestamp("changed_at")?,
            building: building.transpose()?,
            previous: previous.transpose()?,
            dropped: numbers(fields, "dropped")?,
            refused: refused.transpose()?,
        })
    }
}

impl Stage {
    /// Nothing has been compared.
    pub(crate) const UNCOMPARED: Self = Self::Comparing {
        table: 0,
        after: None,
        compared: 0,
        missing: 0,
    };

    /// What was compared so far was not with what is live now.
    pub(crate) fn compare_again(&mut self) {
        match self {
            Self::Settling | Self::Reading { .. } => {}
            Self::Comparing { .. } => *self = Self::UNCOMPARED,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::Reading { .. } => "reading",
            Self::Comparing { .. } => "comparing",
        }
    }

    fn add_to(&self, fields: Fields) -> Fields {
        let fields = fields.with("stage", self.name());
        match self {
            Self::Settling => fields,
            Self::Reading {
                kind,
                from,
                at,
                last,
                begun,
                until,
            } => fields
                .with("kind", *kind)
                .with("from", *from)
                .with("at", *at)
                .with("last", last.as_deref())
                .with("begun", begun.as_ref().map(Begun::to_value))
                .with("until", *until),
            Self::Comparing {
                table,
                after,
                compared,
                missing,
            } => fields
                .with("table", *table)
                .with("after", after.as_deref())
                .with("compared", *compared)
                .with("missing", *missing),
        }
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        match fields.text("stage")? {
            "settling" => Ok(Self::Settling),
            "reading" => Ok(Self::Reading {
                kind: fields.count("kind")?,
                from: fields.timestamp("from")?,
                at: fields.timestamp("at")?,
                last: fields.optional_text("last")?.map(str::to_owned),
                begun: map(fields, "begun")?.map(Begun::from_fields).transpose()?,
                until: fields.timestamp("until")?,
            }),
            "comparing" => Ok(Self::Comparing {
                table: fields.count("table")?,
                after: fields.optional_text("after")?.map(str::to_owned),
                compared: fields.count("compared")?,
                missing: fields.count("missing")?,
            }),
            _ => Err(MalformedDocument {
                field: "stage".to_owned(),
                expected: "a known stage",
            }),
        }
    }
}

impl Building {
    fn to_value(&self) -> Value {
        let fields = Fields::new()
            .with("generation", self.generation)
            .with("schema", self.schema)
            .with("begun_at", self.begun_at)
            .with("accepts_missing", self.accepts_missing)
            .with("events", self.events)
            .with("skipped", self.skipped)
            .with("rows", self.rows);
        Value::Map(self.stage.add_to(fields))
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            generation: fields.count("generation")?,
            schema: number(fields, "schema")?,
            begun_at: fields.timestamp("begun_at")?,
            accepts_missing: fields.flag("accepts_missing")?,
            stage: Stage::from_fields(fields)?,
            events: fields.count("events")?,
            skipped: fields.count("skipped")?,
            rows: fields.count("rows")?,
        })
    }
}

impl Begun {
    fn to_value(&self) -> Value {
        let fields = Fields::new()
            .with("event_id", self.event_id.as_str())
            .with("table", self.table.as_str())
            .with("row", self.row.as_str());
        Value::Map(fields)
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            event_id: fields.text("event_id")?.to_owned(),
            table: fields.text("table")?.to_owned(),
            row: fields.text("row")?.to_owned(),
        })
    }
}

impl Previous {
    fn to_value(&self) -> Value {
        let fields = Fields::new()
            .with("generation", self.generation)
            .with("schema", self.schema)
            .with("until", self.until);
        Value::Map(fields)
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            generation: fields.count("generation")?,
            schema: number(fields, "schema")?,
            until: fields.timestamp("until")?,
        })
    }
}

impl Refused {
    fn to_value(&self) -> Value {
        let fields = Fields::new()
            .with("generation", self.generation)
            .with("at", self.at)
            .with("compared", self.compared)
            .with("missing", self.missing);
        Value::Map(fields)
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            generation: fields.count("generation")?,
            at: fields.timestamp("at")?,
            compared: fields.count("compared")?,
            missing: fields.count("missing")?,
        })
    }
}

fn share(part: chrono::TimeDelta, whole: chrono::TimeDelta, of: i64) -> u64 {
    let part = part.num_milliseconds().saturating_mul(of);
    let share = part.checked_div(whole.num_milliseconds());
    u64::try_from(share.unwrap_or(of).clamp(0, of)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
