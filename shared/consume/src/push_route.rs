//! `POST /pubsub/push`: one delivery over HTTP, one log line.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fanout_runtime::Clock;
use fanout_web::{Problem, health_route};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use crate::consumer::Consumer;
use crate::delivery_line::DeliveryLine;
use crate::pipeline::{ConsumerDeps, Pipeline};
use crate::push_auth::{PushAuth, PushAuthError};
use fanout_bus::{NotAPush, PushEnvelope, PushedMessage, X_REDRIVE};

/// The largest push body: Pub/Sub's 10 MB of data are 13.3 MB in base64, and attributes come on top.
pub const MAX_PUSH_BYTES: usize = 15 * 1024 * 1024;

struct Endpoint {
    pipeline: Pipeline,
    auth: PushAuth,
    clock: Arc<dyn Clock>,
    consumer: &'static str,
    project: String,
}

/// The routes that make a consumer: `POST /pubsub/push` and `GET /health`.
pub fn push_route(consumer: Consumer, deps: ConsumerDeps) -> Router {
    let endpoint = Endpoint {
        consumer: consumer.name,
        pipeline: Pipeline::new(consumer, &deps),
        auth: deps.auth,
        clock: deps.clock,
        project: deps.project,
    };
    Router::new()
        .route("/pubsub/push", post(receive))
        .layer(DefaultBodyLimit::max(MAX_PUSH_BYTES))
        .with_state(Arc::new(endpoint))
        .merge(health_route())
}

async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let started = Instant::now();
    let mut line = DeliveryLine::new(endpoint.consumer);
    match endpoint.read(&headers, body, &mut line).await {
        Ok(message) => {
            let redriven = headers.contains_key(X_REDRIVE);
            let settled = endpoint.pipeline.settle(&message, redriven).await;
            line.settled(&settled, started.elapsed());
            (&settled.outcome).into_response()
        }
        Err(Refusal { problem, why }) => {
            line.refused(problem.slug(), &why, started.elapsed());
            problem.into_response()
        }
    }
}

/// Why a request is not taken as a delivery.
struct Refusal {
    problem: Problem,
    /// For the log; shows nothing of the request.
    why: String,
}

impl Endpoint {
    /// The message of a request that may push and is a push; `line` learns what it says of itself.
    async fn read(
        &self,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
        line: &mut DeliveryLine,
    ) -> Result<PushedMessage, Refusal> {
        self.auth.check(headers).await?;
        let envelope = PushEnvelope::from_json(&body?)?;
        line.read(&envelope, &self.project);
        Ok(envelope.into_message(self.clock.now())?)
    }
}

impl From<PushAuthError> for Refusal {
    fn from(error: PushAuthError) -> Self {
        Self {
            problem: auth_problem(&error),
            why: error.to_string(),
        }
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self {
            problem: body_problem(&rejection),
            why: rejection.status().to_string(),
        }
    }
}

impl From<NotAPush> for Refusal {
    fn from(error: NotAPush) -> Self {
        Self {
            problem: not_a_push(&error.to_string()),
            why: error.to_string(),
        }
    }
}

fn auth_problem(error: &PushAuthError) -> Problem {
    match error {
        PushAuthError::Missing => Problem::new(
            StatusCode::UNAUTHORIZED,
            "token_missing",
            "The push carries no token",
            "Send `Authorization: Bearer` with the subscription's identity token.",
        ),
        PushAuthError::Invalid(_) => Problem::new(
            StatusCode::UNAUTHORIZED,
            "token_invalid",
            "The push's token is not valid",
            "The token must be signed by Google, unexpired and for this service's audience.",
        ),
        PushAuthError::SomebodyElse => Problem::new(
            StatusCode::FORBIDDEN,
            "token_of_somebody_else",
            "The push's token is not this subscription's",
            "The token must belong to the service account that this subscription pushes with.",
        ),
        PushAuthError::Unavailable(_) => Problem::unavailable(),
    }
}

fn body_problem(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The push is too large",
            format!("A push has at most {MAX_PUSH_BYTES} bytes."),
        ),
        _ => not_a_push("the body could not be read to its end"),
    }
}

fn not_a_push(detail: &str) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "not_a_push",
        "This is no Pub/Sub push",
        detail,
    )
}
