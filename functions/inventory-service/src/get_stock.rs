//! `GET /stock/{product_id}`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fanout_store::Documents;
use fanout_web::Problem;
use http::StatusCode;

use crate::shards::Whole;
use crate::stock::Stock;

pub(crate) async fn get_stock(
    State(documents): State<Arc<dyn Documents>>,
    product_id: Result<Path<String>, PathRejection>,
) -> Result<Json<Stock>, Problem> {
    // What is no text names no product.
    let product_id = product_id.map_or_else(|_| String::new(), |Path(id)| id);
    let found = Whole::read(documents.as_ref(), &product_id).await;
    let found = found.map_err(Problem::unread)?;
    let stock = found.and_then(|whole| whole.stock());
    stock.map(Json).ok_or_else(no_such_product)
}

pub(crate) fn no_such_product() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "product_not_found",
        "There is no such product",
        "No stock was ever put in for this product id.",
    )
}
