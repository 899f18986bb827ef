//! `POST /orders`: the order, the fact of it and its process's first step in one commit.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use fanout_contracts::order::OrderCreated;
use fanout_outbox::Origin;
use fanout_runtime::Timestamp;
use fanout_store::{CommitError, UpdateTime};
use fanout_web::{Remembered, Repeatable, RequestContext};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};

use crate::Desk;
use crate::api_error::ApiError;
use crate::new_order::NewOrder;
use crate::order::Order;
use crate::request_schema::NewOrderBody;

/// How often a record under the request's key may vanish or run out before it is given up.
const RECORD_TRIES: u32 = 3;

/// Place an order
#[utoipa::path(
    post,
    path = "/orders",
    operation_id = "place_order",
    tag = "orders",
    request_body = NewOrderBody,
    responses((
        status = 202, description = "The order is stored, and seen through from here on", body = Order,
        headers(("Location" = String, description = "Where the order is: `/orders/{id}`"))
    ))
)]
pub(crate) async fn place_order(
    State(desk): State<Desk>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let request = NewOrder::read(&headers, body).await?;
    let asks = request.asks();
    let asks: Vec<&str> = asks.iter().map(String::as_str).collect();
    let repeatable = Repeatable::from(&headers, "orders", &asks)?;
    let origin = Origin {
        correlation_id: Some(context.correlation_id),
        causation_id: None,
        trace: context.trace,
    };
    let (id, now) = (desk.ids.new_id("ord"), desk.clock.now());
    let created = request.into_order(id, desk.flow);
    let order = match &repeatable {
        None => {
            let stored = desk.store(&created, &origin, now, None).await?;
            stored.ok_or(ApiError::Contended)?
        }
        Some(repeatable) => desk.store_once(repeatable, created, &origin, now).await?,
    };
    let location = [(LOCATION, format!("/orders/{}", order.id))];
    Ok((StatusCode::ACCEPTED, location, Json(order)).into_response())
}

impl Desk {
    /// Stores the order; `None` if the record's key is taken, or others write the same documents.
    async fn store(
        &self,
        created: &OrderCreated,
        origin: &Origin,
        now: Timestamp,
        record: Option<fanout_store::Write>,
    ) -> Result<Option<Order>, ApiError> {
        let begun = self
            .engine
            .begin(self.flow.process(), &created.order_id, created, origin, now);
        let begun = begun.map_err(ApiError::internal)?;
        let order = Order::placed(created, &begun.instance, now);
        let key = record.as_ref().map(|record| record.key.clone());
        let writes = record.into_iter().chain([order.create()]);
        let writes = writes.chain(begun.writes).collect();
        match self.outbox.commit(writes, begun.events).await {
            Ok(committed) => {
                self.outbox.publish_now(committed).await;
                Ok(Some(order))
            }
            Err(CommitError::Conflict(conflict)) if Some(&conflict.key) == key.as_ref() => Ok(None),
            Err(CommitError::Contention(_)) => Ok(None),
            Err(CommitError::Conflict(conflict)) => Err(ApiError::internal(conflict)),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Stores with the key's record; a repeat is answered what the first request was.
    async fn store_once(
        &self,
        repeatable: &Repeatable,
        created: OrderCreated,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Order, ApiError> {
        let mut expired: Option<UpdateTime> = None;
        for _ in 0..RECORD_TRIES {
            let record = repeatable.remember(&created.order_id, now, expired);
            if let Some(order) = self.store(&created, origin, now, Some(record)).await? {
                return Ok(order);
            }
            let record = self.documents.get(repeatable.key()).await?;
            let known = record.map(|record| repeatable.compare(&record, self.clock.now()));
            expired = match known.transpose().map_err(ApiError::internal)? {
                Some(Remembered::Same { id, at }) => {
                    let first = OrderCreated {
                        step: self.flow.first_step(&id),
                        order_id: id,
                        ..created
                    };
                    let begun =
                        self.engine
                            .begin(self.flow.process(), &first.order_id, &first, origin, at);
                    let begun = begun.map_err(ApiError::internal)?;
                    return Ok(Order::placed(&first, &begun.instance, at));
                }
                Some(Remembered::Another) => return Err(ApiError::IdempotencyKeyReused),
                Some(Remembered::Expired(version)) => Some(version),
                None => None,
            };
        }
        Err(ApiError::Contended)
    }
}
