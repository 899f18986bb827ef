//! `GET /shipments?order_id=`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::{Documents, ReadError, all_documents};
use fanout_web::{Problem, required_parameter};
use serde::{Deserialize, Serialize};

use crate::shipment::Shipment;

#[derive(Deserialize)]
pub(crate) struct Asked {
    order_id: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Listed {
    shipments: Vec<Shipment>,
}

pub(crate) async fn list_shipments(
    State(documents): State<Arc<dyn Documents>>,
    query: Result<UrlQuery<Asked>, QueryRejection>,
) -> Result<Json<Listed>, Problem> {
    let order_id = required_parameter(query, "order_id", |asked| asked.order_id)?;
    let shipments = shipments_of(documents.as_ref(), &order_id).await;
    let shipments = shipments.map_err(Problem::unread)?;
    Ok(Json(Listed { shipments }))
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
