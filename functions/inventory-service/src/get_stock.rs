//! `GET /stock/{product_id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fanout_store::{Documents, ReadError};
use fanout_web::Problem;
use http::StatusCode;

use crate::stock::{Read, Stock, stock_key};

pub(crate) async fn get_stock(
    State(documents): State<Arc<dyn Documents>>,
    product_id: Result<Path<String>, PathRejection>,
) -> Result<Json<Stock>, Problem> {
    // What is no text names no product.
    let product_id = product_id.map_or_else(|_| String::new(), |Path(id)| id);
    let found = read_stock(documents.as_ref(), &product_id).await;
    let found = found.map_err(Problem::unread)?;
    found.map(|read| Json(read.stock)).ok_or_else(|| {
        Problem::new(
            StatusCode::NOT_FOUND,
            "product_not_found",
            "There is no such product",
            "No stock was ever put in for this product id.",
        )
    })
}

pub(crate) async fn read_stock(
    documents: &dyn Documents,
    product_id: &str,
) -> Result<Option<Read>, ReadError> {
    let document = documents.get(&stock_key(product_id)).await?;
    let read = document.as_ref().map(Read::from_document);
    Ok(read.transpose()?)
}
