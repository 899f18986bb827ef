//! `GET /orders/{id}`

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};

use crate::Desk;
use crate::api_error::ApiError;
use crate::order::Order;

/// Read an order
#[utoipa::path(
    get,
    path = "/orders/{id}",
    operation_id = "get_order",
    tag = "orders",
    params(("id" = String, Path, description = "The order's id", example = "ord_01JD2V7Q4KA1B2C3D4E5F6G7H8")),
    responses((status = 200, description = "The order", body = Order))
)]
pub(crate) async fn get_order(
    State(desk): State<Desk>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Order>, ApiError> {
    desk.order(&order_id(path)?).await.map(Json)
}

/// The id in a path. One that is not UTF-8 is no order's.
pub(crate) fn order_id(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(id) = path.map_err(|_| ApiError::NoSuchOrder)?;
    Ok(id)
}

impl Desk {
    /// The order of this id.
    pub(crate) async fn order(&self, id: &str) -> Result<Order, ApiError> {
        let found = self.documents.get(&Order::key(id)).await?;
        let document = found.ok_or(ApiError::NoSuchOrder)?;
        Order::from_document(&document).map_err(ApiError::internal)
    }
}
