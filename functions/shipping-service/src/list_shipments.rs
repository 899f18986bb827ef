//! `GET /shipments?order_id=`

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

use crate::shipment::Shipment;

#[derive(Deserialize)]
pub(crate) struct Asked {
    order_id: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    shipments: Vec<Shipment>,
}

pub(crate) async fn list_shipments(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Response {
    let order_id = match required_parameter(query, "order_id", |asked| asked.order_id) {
        Ok(order_id) => order_id,
        Err(problem) => return problem.into_response(),
    };
    match shipments_of(documents.as_ref(), &order_id).await {
        Ok(shipments) => Json(Listed { shipments }).into_response(),
        Err(cause) => {
            error!(error = error_chain(&cause), "shipments could not be listed");
            Problem::from(&cause).into_response()
        }
    }
}

async fn shipments_of(
    documents: &dyn Documents,
    order_id: &str,
) -> Result<Vec<Shipment>, ReadError> {
    let stored = all_documents(documents, Shipment::of_order(order_id)).await?;
    let shipments = stored
        .iter()
        .map(|document| Shipment::from_fields(&document.fields));
    Ok(shipments.collect::<Result<_, _>>()?)
}
