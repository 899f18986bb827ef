//! `POST /orders/{id}/cancel`: the user's wish to have it undone.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use fanout_processes::{EngineError, OperateError};
use http::StatusCode;

use crate::Desk;
use crate::api_error::ApiError;
use crate::get_order::order_id;
use crate::order::Order;
use crate::order_flow::OrderFlow;

/// The order's reason, then.
const BY_USER: &str = "cancelled_by_user";

/// Cancel an order
#[utoipa::path(
    post,
    path = "/orders/{id}/cancel",
    operation_id = "cancel_order",
    tag = "orders",
    params(("id" = String, Path, description = "The order's id", example = "ord_01JD2V7Q4KA1B2C3D4E5F6G7H8")),
    responses((status = 202, description = "The order is cancelled, or will be", body = Order))
)]
pub(crate) async fn cancel_order(
    State(desk): State<Desk>,
    path: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<Order>), ApiError> {
    let id = order_id(path)?;
    let cancel = |flow: OrderFlow| desk.engine.cancel(flow.process(), &id, BY_USER);
    let mut asked = cancel(OrderFlow::Orchestrated).await;
    if let Err(EngineError::NoSuchProcess) = asked {
        asked = cancel(OrderFlow::Choreographed).await;
    }
    let order = match asked {
        // A wish that is granted already is granted again.
        Ok(_) | Err(EngineError::Refused(OperateError::Turned)) => desk.order(&id).await?,
        Err(EngineError::Refused(OperateError::Ended) | EngineError::NoSuchProcess) => {
            let order = desk.order(&id).await?;
            if order.status != "cancelled" {
                return Err(ApiError::PastPivot);
            }
            order
        }
        Err(EngineError::Refused(OperateError::PastPivot)) => return Err(ApiError::PastPivot),
        Err(EngineError::Busy) => return Err(ApiError::Contended),
        Err(error) => return Err(ApiError::of_engine(error)),
    };
    Ok((StatusCode::ACCEPTED, Json(order)))
}
