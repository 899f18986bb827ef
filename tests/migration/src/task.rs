//! What each of the three services does for a booking, and the call that asks it to.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::put;
use axum::{Json, Router};
use fanout_store::{Collection, CommitError, Documents, Fields, Key, Write};
use http::StatusCode;

use crate::Stay;

/// The collection of the calls that were answered, so that one that comes again does nothing.
pub const CALLED: &Collection = &Collection::named("calls_done");
/// The collection of what handlers would have done, had there been no call.
pub const WOULD: &Collection = &Collection::named("would_have_done");

/// What a service does for each booking, once.
#[derive(Debug)]
pub struct Task {
    /// Its name, in paths and as a consumer.
    pub name: &'static str,
    /// Where the work shows: a document for each booking, which counts how often it was done.
    pub done: &'static Collection,
    /// The work: what that document says.
    pub work: fn(&Stay) -> Fields,
}

impl Task {
    /// What the three services do.
    pub const ALL: [&'static Self; 3] = [
        &Self {
            name: "invoices",
            done: &Collection::named("invoices"),
            work: |stay| Fields::new().with("cents", stay.nights * 9_900),
        },
        &Self {
            name: "rooms",
            done: &Collection::named("rooms_held"),
            work: Stay::to_fields,
        },
        &Self {
            name: "mails",
            done: &Collection::named("mails_sent"),
            work: |stay| Fields::new().with("text", format!("Your {} is booked.", stay.room)),
        },
    ];

    /// The writes that do this work for a booking. Done twice, it shows.
    pub fn writes(&self, booking_id: &str, work: Fields) -> Vec<Write> {
        let done = Write::merge(Key::new(self.done, booking_id), work);
        vec![done.increment("times", 1)]
    }

    /// Where it is kept under which name, of this task, for a booking.
    pub(crate) fn key_in(&self, collection: &'static Collection, booking_id: &str) -> Key {
        Key::new(collection, &format!("{}:{booking_id}", self.name))
    }

    /// The service's API: `PUT /{name}/{booking}`, which may be called again.
    pub fn api(&'static self, documents: Arc<dyn Documents>) -> Router {
        let path = format!("/{}/{{booking}}", self.name);
        let call = move |State(documents): State<Arc<dyn Documents>>, Path(id), Json(stay)| async move {
            self.called(documents.as_ref(), id, &stay).await
        };
        Router::new().route(&path, put(call)).with_state(documents)
    }

    async fn called(&self, documents: &dyn Documents, id: String, stay: &Stay) -> StatusCode {
        let once = Write::create(self.key_in(CALLED, &id), Fields::new());
        let mut writes = vec![once];
        writes.extend(self.writes(&id, (self.work)(stay)));
        match documents.commit(writes).await {
            // It was done by a call before this one.
            Ok(_) | Err(CommitError::Conflict(_)) => StatusCode::NO_CONTENT,
            Err(CommitError::Contention(_) | CommitError::Store(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}
