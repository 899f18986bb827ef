//! `GET /emails?user_id=`

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::{Direction, Documents, ReadError, all_documents};
use fanout_web::Problem;
use serde::{Deserialize, Serialize};

use crate::sent_email::SentEmail;

#[derive(Deserialize)]
pub(crate) struct Asked {
    user_id: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Emails {
    emails: Vec<SentEmail>,
}

pub(crate) async fn list_emails(
    State(documents): State<Arc<dyn Documents>>,
    UrlQuery(asked): UrlQuery<Asked>,
) -> Result<Json<Emails>, Problem> {
    let Some(user_id) = asked.user_id.filter(|id| !id.is_empty()) else {
        return Err(Problem::invalid_field("user_id", "is required"));
    };
    let emails = emails_of(documents.as_ref(), &user_id).await;
    let emails = emails.map_err(Problem::unread)?;
    Ok(Json(Emails { emails }))
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
