//! `GET /contacts/{user_id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fanout_store::{Documents, ReadError};
use fanout_web::Problem;
use http::StatusCode;

use crate::contact::{Contact, Known, contact_key};

pub(crate) async fn get_contact(
    State(documents): State<Arc<dyn Documents>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Contact>, Problem> {
    // An id that is not UTF-8 is no contact's.
    let Path(user_id) = path.map_err(|_| not_found())?;
    let contact = read_contact(documents.as_ref(), &user_id).await;
    let contact = contact.map_err(Problem::unread)?;
    contact.map(Json).ok_or_else(not_found)
}

async fn read_contact(
    documents: &dyn Documents,
    user_id: &str,
) -> Result<Option<Contact>, ReadError> {
    let Some(document) = documents.get(&contact_key(user_id)).await? else {
        return Ok(None);
    };
    Ok(Known::from_fields(&document.fields)?.into_contact())
}

fn not_found() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "contact_not_found",
        "There is no such contact",
        "No event with this user id has arrived yet, or the user is gone.",
    )
}
