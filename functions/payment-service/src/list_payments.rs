//! `GET /payments?order_id=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::{Documents, ReadError, all_documents};
use fanout_web::{Problem, required_parameter};
use serde::{Deserialize, Serialize};

use crate::payment::Payment;

#[derive(Deserialize)]
pub(crate) struct Asked {
    order_id: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Listed {
    payments: Vec<Payment>,
}

pub(crate) async fn list_payments(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Result<Json<Listed>, Problem> {
    let order_id = required_parameter(query, "order_id", |asked| asked.order_id)?;
    let payments = payments_of(documents.as_ref(), &order_id).await;
    let payments = payments.map_err(Problem::unread)?;
    Ok(Json(Listed { payments }))
}

async fn payments_of(documents: &dyn Documents, order_id: &str) -> Result<Vec<Payment>, ReadError> {
    let stored = all_documents(documents, Payment::of_order(order_id)).await?;
    let payments = stored
        .iter()
        .map(|document| Payment::from_fields(&document.fields));
    Ok(payments.collect::<Result<_, _>>()?)
}
