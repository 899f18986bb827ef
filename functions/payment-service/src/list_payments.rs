//! `GET /payments?order_id=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use fanout_runtime::error_chain;
use fanout_store::{Documents, ReadError, all_documents};
use fanout_web::{Problem, required_parameter};
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::payment::Payment;

#[derive(Deserialize)]
pub(crate) struct Asked {
    order_id: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    payments: Vec<Payment>,
}

pub(crate) async fn list_payments(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Response {
    let order_id = match required_parameter(query, "order_id", |asked| asked.order_id) {
        Ok(order_id) => order_id,
        Err(problem) => return problem.into_response(),
    };
    match payments_of(documents.as_ref(), &order_id).await {
        Ok(payments) => Json(Listed { payments }).into_response(),
        Err(cause) => {
            error!(error = error_chain(&cause), "payments could not be listed");
            Problem::from(&cause).into_response()
        }
    }
}

async fn payments_of(documents: &dyn Documents, order_id: &str) -> Result<Vec<Payment>, ReadError> {
    let stored = all_documents(documents, Payment::of_order(order_id)).await?;
    let payments = stored
        .iter()
        .map(|document| Payment::from_fields(&document.fields));
    Ok(payments.collect::<Result<_, _>>()?)
}
