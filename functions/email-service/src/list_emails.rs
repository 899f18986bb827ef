//! `GET /emails?user_id=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::{Direction, Documents, ReadError, all_documents};
use fanout_web::{Problem, required_parameter};
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
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Result<Json<Emails>, Problem> {
    let user_id = required_parameter(query, "user_id", |asked| asked.user_id)?;
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

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use fanout_runtime::SystemClock;
    use fanout_store_sqlite::{Database, SqliteDocuments};
    use fanout_testkit::consumer_tests::look_at;
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_user_that_is_named_twice_or_not_at_all_is_a_problem() {
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
        let documents: Arc<dyn Documents> = Arc::new(documents.unwrap());
        let routes = Router::new().route("/emails", get(list_emails));
        let routes = routes.with_state(documents);
        for (query, field) in [
            ("user_id=a&user_id=b", "query"),
            ("user_id=", "user_id"),
            ("", "user_id"),
        ] {
            let answer = look_at(&routes, &format!("/emails?{query}")).await;
            assert_eq!(answer.status().as_u16(), 422, "{query}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let problem: Value = serde_json::from_str(answer.body()).unwrap();
            assert_eq!(problem["errors"][0]["field"], field, "{query}");
        }
    }
}
