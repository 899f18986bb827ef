//! `PUT /stock/{product_id} {"on_hand"}`

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fanout_events::{is_identifier, skip_byte_order_mark};
use fanout_runtime::error_chain;
use fanout_store::{CommitError, Documents, ReadError, StoreError};
use fanout_web::{FieldError, NotJson, Problem, read_json_body};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tracing::error;

use crate::shards::Whole;
use crate::stock::Stock;

/// A body has one number.
const MOST_BYTES: usize = 64 * 1024;
/// The most that can lie in the warehouse.
const MOST_ON_HAND: u64 = 1_000_000_000;
/// How often a change is tried again that met another.
const TRIES: u32 = 5;

/// Why the stock was not put in.
#[derive(Debug, thiserror::Error)]
enum NotPut {
    #[error("less would be on hand than is reserved")]
    BelowReserved,
    #[error("others changed the stock each time")]
    Contention,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) async fn put_stock(
    State(documents): State<Arc<dyn Documents>>,
    product_id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // What is no text names no product.
    let product_id = product_id.map_or_else(|_| String::new(), |Path(id)| id);
    let on_hand = match read_on_hand(&product_id, &headers, body).await {
        Ok(on_hand) => on_hand,
        Err(problem) => return problem.into_response(),
    };
    match put(documents.as_ref(), &product_id, on_hand).await {
        Ok(stock) => Json(stock).into_response(),
        Err(cause) => cause.into_response(),
    }
}

async fn read_on_hand(product_id: &str, headers: &HeaderMap, body: Body) -> Result<u64, Problem> {
    let body = read_json_body(headers, body, MOST_BYTES).await?;
    let body = skip_byte_order_mark(&body);
    let asked: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let at = NotJson { line, column };
        Problem::not_json(at, "a JSON object with `on_hand`")
    })?;
    let mut faults = Vec::new();
    if !is_identifier(product_id) {
        faults.push(FieldError::new(
            "product_id",
            "must have 1 to 128 characters, each a letter, a digit or one of `_-.:/`",
        ));
    }
    let on_hand = asked.get("on_hand").and_then(Value::as_u64);
    match on_hand.filter(|number| *number <= MOST_ON_HAND) {
        Some(number) if faults.is_empty() => return Ok(number),
        Some(_) => {}
        None => faults.push(FieldError::new(
            "on_hand",
            format!("must be a whole number from 0 to {MOST_ON_HAND}"),
        )),
    }
    Err(Problem::invalid_fields(faults))
}

async fn put(documents: &dyn Documents, product_id: &str, on_hand: u64) -> Result<Stock, NotPut> {
    for _ in 0..TRIES {
        let whole = Whole::read(documents, product_id).await?;
        let reserved = whole.as_ref().map_or(0, |whole| whole.sums().1);
        let stock = Stock::of(product_id, on_hand, reserved).ok_or(NotPut::BelowReserved)?;
        let writes = match &whole {
            Some(whole) => whole.put(&stock),
            None => vec![stock.create()],
        };
        match documents.commit(writes).await {
            Ok(_) => return Ok(stock),
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(NotPut::Contention)
}

impl IntoResponse for NotPut {
    fn into_response(self) -> Response {
        let problem = match &self {
            Self::BelowReserved => Problem::new(
                StatusCode::CONFLICT,
                "below_reserved",
                "Less would be on hand than is reserved",
                "Orders were promised more than this. Put in at least as much as `reserved`.",
            ),
            Self::Contention => Problem::unavailable(),
            Self::Read(cause) => Problem::from(cause),
            Self::Store(StoreError::Unavailable(_)) => Problem::unavailable(),
            Self::Store(StoreError::Refused(_)) => Problem::internal(),
        };
        if problem.status().is_server_error() {
            error!(error = error_chain(&self), "stock could not be put in");
        }
        problem.into_response()
    }
}
