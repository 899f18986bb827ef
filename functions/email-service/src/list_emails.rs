//! `GET /emails?user_id=`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use fanout_store::{Direction, Documents, ReadError, all_documents};
use fanout_web::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::sent_email::SentEmail;

#[derive(Deserialize)]
pub(crate) struct Asked {
    user_id: Option<String>,
}

#[derive(Serialize)]
struct Emails {
    emails: Vec<SentEmail>,
}

pub(crate) async fn list_emails(
    State(documents): State<Arc<dyn Documents>>,
    UrlQuery(asked): UrlQuery<Asked>,
) -> Response {
    let Some(user_id) = asked.user_id.filter(|id| !id.is_empty()) else {
        return Problem::invalid_fields(vec![FieldError {
            field: "user_id",
            message: "is required".to_owned(),
        }])
        .into_response();
    };
    match emails_of(documents.as_ref(), &user_id).await {
        Ok(emails) => Json(Emails { emails }).into_response(),
        Err(cause) => {
            error!(error = error_chain(&cause), "mails could not be listed");
            Problem::from(&cause).into_response()
        }
    }
}

async fn emails_of(documents: &dyn Documents, user_id: &str) -> Result<Vec<SentEmail>, ReadError> {
    let query = SentEmail::of_user(user_id)
        .order_by("sent_at", Direction::Ascending)
        .for_listing();
    let stored = all_documents(documents, query).await?;
    let emails = stored
        .iter()
        .map(|document| SentEmail::from_fields(&document.fields));
    Ok(emails.collect::<Result<_, _>>()?)
}
