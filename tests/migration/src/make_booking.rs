//! The service that moves: `PUT /bookings/{id}`, which may be asked again, and `GET /bookings/{id}`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::routing::put;
use axum::{Json, Router};
use fanout_outbox::{Draft, Origin, Outbox, UnwritableEvent};
use fanout_store::{
    Collection, CommitError, Document, Documents, Key, MalformedDocument, ReadError, StoreError,
    Write,
};
use http::StatusCode;

use crate::{BookingMade, Phase, Stay, Task, Way};

/// The collection of bookings.
pub const BOOKINGS: &Collection = &Collection::named("bookings");

/// An instance of the booking service.
pub struct Bookings {
    phase: Mutex<Phase>,
    documents: Arc<dyn Documents>,
    outbox: Outbox,
    http: reqwest::Client,
    /// Where the three services are.
    tasks: Vec<(&'static Task, String)>,
    calls: AtomicUsize,
}

/// Why a booking was not made, or not to its end. The caller asks again.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The store has failed.
    #[error("the booking could not be stored")]
    Commit(#[from] CommitError),
    /// What is stored could not be read.
    #[error("the booking could not be read")]
    Read(#[from] ReadError),
    /// The event cannot be written.
    #[error(transparent)]
    Event(#[from] UnwritableEvent),
    /// One of the three services has not answered, or not well.
    #[error("a call has failed")]
    Call(#[from] reqwest::Error),
}

impl Bookings {
    /// An instance in this phase, which calls the three services there.
    pub fn new(
        phase: Phase,
        documents: Arc<dyn Documents>,
        outbox: Outbox,
        (http, tasks): (reqwest::Client, Vec<(&'static Task, String)>),
    ) -> Self {
        Self {
            phase: Mutex::new(phase),
            documents,
            outbox,
            http,
            tasks,
            calls: AtomicUsize::new(0),
        }
    }

    /// Makes a booking. Asked again, it goes on with the one that is there.
    pub async fn make(&self, id: &str, stay: &Stay) -> Result<(), BookError> {
        let phase = self.phase();
        let fields = stay.to_fields().with("done_by", phase.way().as_str());
        let booking = Write::create(Key::new(BOOKINGS, id), fields);
        let mut events = Vec::new();
        if phase.publishes() {
            let made = BookingMade {
                booking_id: id.to_owned(),
                done_by: phase.way(),
                stay: phase.carries_stay().then(|| stay.clone()),
            };
            events.push(Draft::of(id, 1, &made)?);
        }
        let origin = Origin::default();
        let way = match self.outbox.store(vec![booking], events, &origin).await {
            Ok(()) => phase.way(),
            // It was made before, perhaps in another phase: it goes on as it began.
            Err(CommitError::Conflict(_)) => self.way_of(id).await?,
            Err(error @ (CommitError::Contention(_) | CommitError::Store(_))) => {
                return Err(error.into());
            }
        };
        match way {
            Way::ByCalls => self.call_all(id, stay).await,
            Way::ByEvents => Ok(()),
        }
    }

    /// Where it all began: three calls, one after the other. If one fails, so does the booking, and
    /// those before it have been made.
    async fn call_all(&self, id: &str, stay: &Stay) -> Result<(), BookError> {
        for (task, url) in &self.tasks {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let url = format!("{url}/{}/{id}", task.name);
            let answer = self.http.put(url).json(stay).send().await?;
            answer.error_for_status()?;
        }
        Ok(())
    }

    /// How many calls it has made.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// The phase that it is in.
    pub fn phase(&self) -> Phase {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes to another phase, as a roll-out does.
    pub fn go_to(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    async fn way_of(&self, id: &str) -> Result<Way, ReadError> {
        let stored = self.stored(id).await?;
        let way = stored
            .as_ref()
            .and_then(|stored| stored.fields.text("done_by").ok());
        let malformed = || MalformedDocument {
            field: "done_by".to_owned(),
            expected: "a way that is known",
        };
        Ok(way.and_then(Way::from_stored).ok_or_else(malformed)?)
    }

    async fn stored(&self, id: &str) -> Result<Option<Document>, StoreError> {
        self.documents.get(&Key::new(BOOKINGS, id)).await
    }

    /// Its routes.
    pub fn routes(self: Arc<Self>) -> Router {
        let route = put(make_booking).get(get_booking);
        Router::new()
            .route("/bookings/{id}", route)
            .with_state(self)
    }
}

async fn make_booking(
    State(bookings): State<Arc<Bookings>>,
    Path(id): Path<String>,
    Json(stay): Json<Stay>,
) -> StatusCode {
    match bookings.make(&id, &stay).await {
        Ok(()) => StatusCode::CREATED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn get_booking(
    State(bookings): State<Arc<Bookings>>,
    Path(id): Path<String>,
) -> Result<Json<Stay>, StatusCode> {
    let stored = bookings.stored(&id).await;
    let stored = stored.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let stored = stored.ok_or(StatusCode::NOT_FOUND)?;
    let stay = Stay::from_fields(&stored.fields);
    stay.map(Json)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
