//! What the author of a read model writes: which rows an event makes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::{Consumer, EventEffect, Failure, Plan, View};
use fanout_events::{Domain, Envelope, Event, EventType, KnownType};
use fanout_store::{
    Collection, Document, Documents, Fields, Key, Page, Query, ReadError, StoreError, all_documents,
};
use futures_util::future::BoxFuture;

use crate::generations::Generations;
use crate::row::{Batch, Rows};

/// Which rows an event of type `T` makes.
///
/// There is no `self`, so there is nothing in which an outbox, a mailer or a store to write to could
/// be kept; and all that can be answered is rows. So a rebuild can neither emit an event nor act
/// outside, however often it goes over the past:
///
/// ```compile_fail,E0599
/// # use async_trait::async_trait;
/// # use fanout_consume::Failure;
/// # use fanout_contracts::user::{UserCreated, UserDeleted};
/// # use fanout_events::Envelope;
/// # use fanout_outbox::Draft;
/// # use fanout_projections::{Projects, Reading, Rows};
/// struct Emits;
///
/// #[async_trait]
/// impl Projects<UserCreated> for Emits {
///     async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
///         let user_id = user.data.user_id.clone();
///         let deleted = Draft::of(user_id.clone(), 2, &UserDeleted { user_id })?;
///         Ok(Rows::none().emit(deleted)) // no such method
///     }
/// }
/// ```
///
/// ```compile_fail,E0424
/// # use async_trait::async_trait;
/// # use fanout_consume::Failure;
/// # use fanout_contracts::user::UserCreated;
/// # use fanout_events::Envelope;
/// # use fanout_outbox::Outbox;
/// # use fanout_projections::{Projects, Reading, Rows};
/// struct Acts {
///     outbox: Outbox,
/// }
///
/// #[async_trait]
/// impl Projects<UserCreated> for Acts {
///     async fn rows(_: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
///         self.outbox.drain().await; // no `self`
///         Ok(Rows::none())
///     }
/// }
/// ```
///
/// What it can do:
///
/// ```
/// # use async_trait::async_trait;
/// # use fanout_consume::Failure;
/// # use fanout_contracts::user::UserCreated;
/// # use fanout_events::Envelope;
/// # use fanout_projections::{GENERATION, Projection, Projects, Reading, Row, Rows};
/// # use fanout_store::{Collection, Fields, ascending};
/// const NAMES: &Collection = &Collection::named("names").indexes(&[&[ascending(GENERATION)]]);
///
/// struct Names;
///
/// #[async_trait]
/// impl Projects<UserCreated> for Names {
///     async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
///         let name = Fields::new().with("name", user.data.name.expose());
///         Ok(vec![Row::latest(NAMES, &user.subject, user.sequence, name)].into())
///     }
/// }
///
/// let names = Projection::named("names", &[NAMES]).on::<UserCreated, Names>();
/// assert_eq!(names.handles().collect::<Vec<_>>(), ["user.created"]);
/// ```
#[async_trait]
pub trait Projects<T: EventType>: 'static {
    /// The rows. May be asked again for the same event, and must then answer what the write model
    /// says then.
    async fn rows(event: &Envelope<T>, reading: &Reading<'_>) -> Result<Rows, Failure>;
}

/// Which rows of the live generation a rebuild may leave out: the write model has moved on since.
#[async_trait]
pub trait Shows: 'static {
    /// Whether a row still shows, of those that the new generation lacks.
    async fn shows(row: &Fields, reading: &Reading<'_>) -> Result<bool, ReadError>;
}

/// What a projection may see of the store: the write model. Reads only.
pub struct Reading<'a>(&'a dyn Documents);

type RowsOf = for<'a> fn(&'a Event, &'a Reading<'a>) -> BoxFuture<'a, Result<Rows, Failure>>;
type ShowsOf = for<'a> fn(&'a Fields, &'a Reading<'a>) -> BoxFuture<'a, Result<bool, ReadError>>;

/// A read model: its tables, and which events make its rows.
#[derive(Clone)]
pub struct Projection {
    /// Its name, which is its consumer's too.
    pub name: &'static str,
    /// The shape of its rows. Raise it: the next generation is built by itself.
    pub schema: u32,
    /// Where its rows are.
    pub tables: &'static [&'static Collection],
    /// How far back a rebuild reads; no limit by default. What is older must have no rows any more.
    pub history: Option<Duration>,
    handlers: Vec<Handled>,
    shows: ShowsOf,
}

#[derive(Clone, Copy)]
struct Handled {
    domain: &'static Domain,
    known: KnownType,
    rows: RowsOf,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(documents: &'a dyn Documents) -> Self {
        Self(documents)
    }

    /// Reads documents in one round trip, in the order of the keys.
    pub async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.0.get_many(keys).await
    }

    /// Reads a page of documents.
    pub async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.query(query).await
    }

    /// Reads every document of a query, for results that are known to be few.
    pub async fn all(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        all_documents(self.0, query).await
    }
}

impl Projection {
    /// A read model in these tables, of schema 1, that no event makes yet.
    pub fn named(name: &'static str, tables: &'static [&'static Collection]) -> Self {
        Self {
            name,
            schema: 1,
            tables,
            history: None,
            handlers: Vec::new(),
            shows: |_, _| Box::pin(async { Ok(true) }),
        }
    }

    /// Whose rows have this shape. An event makes the rows of the code that runs in every generation
    /// that is kept, whatever its schema: until a day after the switch, what reads must understand rows
    /// of this shape and of the one before, in the build before too.
    pub fn schema(self, schema: u32) -> Self {
        Self { schema, ..self }
    }

    /// Whose rebuilds read events of the last so long.
    pub fn history(self, history: Duration) -> Self {
        let history = Some(history);
        Self { history, ..self }
    }

    /// Events of type `T` make the rows that `P` says.
    pub fn on<T: EventType, P: Projects<T>>(mut self) -> Self {
        self.handlers.push(Handled {
            domain: T::DOMAIN,
            known: KnownType::of::<T>(),
            rows: |event, reading| Box::pin(rows_of::<T, P>(event, reading)),
        });
        self
    }

    /// Whose rows may be left out of a new generation where `S` says so.
    pub fn showing<S: Shows>(self) -> Self {
        let shows: ShowsOf = |row, reading| S::shows(row, reading);
        Self { shows, ..self }
    }

    /// The types of events that make its rows.
    pub fn handles(&self) -> impl Iterator<Item = &'static str> {
        self.handlers.iter().map(|handled| handled.known.name)
    }

    /// The consumer that keeps all of its generations up to date.
    pub fn consumer(&self, documents: Arc<dyn Documents>, generations: Generations) -> Consumer {
        let effect: Arc<dyn EventEffect> = Arc::new(Live {
            projection: self.clone(),
            documents,
            generations,
        });
        let handlers = self.handlers.iter();
        handlers.fold(Consumer::named(self.name), |consumer, handled| {
            consumer.on_known(handled.domain, handled.known, Arc::clone(&effect))
        })
    }

    pub(crate) async fn rows(&self, event: &Event, reading: &Reading<'_>) -> Result<Rows, Failure> {
        let mut handlers = self.handlers.iter();
        let handled = handlers.find(|handled| handled.known.name == event.event_type);
        match handled {
            Some(handled) => (handled.rows)(event, reading).await,
            None => Ok(Rows::none()),
        }
    }

    pub(crate) async fn still_shows(
        &self,
        row: &Fields,
        reading: &Reading<'_>,
    ) -> Result<bool, ReadError> {
        (self.shows)(row, reading).await
    }
}

async fn rows_of<T: EventType, P: Projects<T>>(
    event: &Event,
    reading: &Reading<'_>,
) -> Result<Rows, Failure> {
    let event = event.read::<T>().map_err(|error| Failure::Park {
        reason: "invalid",
        detail: error.to_string(),
    })?;
    P::rows(&event, reading).await
}

/// What happens to an event as it comes: its rows, in every generation that is fed, in one commit.
struct Live {
    projection: Projection,
    documents: Arc<dyn Documents>,
    generations: Generations,
}

#[async_trait]
impl EventEffect for Live {
    async fn plan(&self, event: &Event, _: &View<'_>) -> Result<Plan, Failure> {
        let documents = self.documents.as_ref();
        let mut batch = Batch::default();
        batch.add(&self.projection.rows(event, &Reading::of(documents)).await?);
        // After the rows: what the write model says after a rebuild has begun belongs to both.
        let fed = self.generations.fed().await?;
        let mut writes = Vec::new();
        for generation in fed {
            writes.extend(batch.writes(generation, documents).await?);
        }
        Ok(Plan::Apply(writes.into()))
    }
}
