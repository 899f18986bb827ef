//! `GET /orders?user_id=&limit=&page_token=`

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as UrlQuery, State};
use fanout_store::{Comparison, Direction, MalformedDocument, Query};
use fanout_web::{FieldError, both, given, page_after, page_limit, parameters};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Desk;
use crate::api_error::ApiError;
use crate::order::{ORDERS, Order};
use crate::page_token::PageToken;

#[derive(Deserialize)]
pub(crate) struct Parameters {
    user_id: Option<String>,
    limit: Option<String>,
    page_token: Option<String>,
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
pub(crate) struct Orders {
    orders: Vec<Order>,
    /// Asks for the page after this one; `null` on the last.
    next_page_token: Option<String>,
}

/// A page that can be answered.
struct Asked {
    user_id: String,
    limit: u32,
    after: Option<PageToken>,
}

/// One page of a user's orders, the latest first
#[utoipa::path(
    get,
    path = "/orders",
    operation_id = "list_orders",
    tag = "orders",
    params(
        ("user_id" = String, Query, description = "Whose orders", min_length = 1, example = "123"),
        ("limit" = Option<u32>, Query, description = "The most on a page", minimum = 1, maximum = 100),
        ("page_token" = Option<String>, Query, description = "The `next_page_token` of the page before")
    ),
    responses((status = 200, description = "The orders", body = Orders))
)]
pub(crate) async fn list_orders(
    State(desk): State<Desk>,
    query: Result<UrlQuery<Parameters>, QueryRejection>,
) -> Result<Json<Orders>, ApiError> {
    let asked = Asked::read(query).map_err(ApiError::Invalid)?;
    let limit = asked.limit as usize;
    let mut query = Query::of(ORDERS)
        .only("user_id", Comparison::Equal, asked.user_id)
        .order_by("created_at", Direction::Descending)
        // One more, to know whether this page is the last.
        .limit(asked.limit + 1);
    query.after = asked.after.map(PageToken::into_cursor);
    let found = desk.documents.query(&query).await?.documents;
    let orders = found.iter().take(limit).map(Order::from_document);
    let orders: Vec<Order> = orders
        .collect::<Result<_, MalformedDocument>>()
        .map_err(ApiError::internal)?;
    let last = orders.last().filter(|_| found.len() > limit);
    let next_page_token = last.map(|last| PageToken::after(last).to_string());
    Ok(Json(Orders {
        orders,
        next_page_token,
    }))
}

impl Asked {
    fn read(query: Result<UrlQuery<Parameters>, QueryRejection>) -> Result<Self, Vec<FieldError>> {
        let asked = parameters(query)?;
        let user_id = given(asked.user_id.as_deref()).map(str::to_owned);
        let user_id = user_id.ok_or_else(|| FieldError::new("user_id", "is required"));
        let limit = page_limit(asked.limit.as_deref());
        let after = page_after(asked.page_token.as_deref(), PageToken::parse);
        let (user_id, (limit, after)) = both(user_id, both(limit, after))?;
        Ok(Self {
            user_id,
            limit,
            after,
        })
    }
}
