//! `POST /pubsub/push`: one delivery over HTTP, one log line.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fanout_events::TRACEPARENT;
use fanout_runtime::{Clock, Problem, TraceContext, health_route};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::consumer::Consumer;
use super::outcome::Outcome;
use super::pipeline::{ConsumerDeps, Pipeline, Settled};
use super::push_auth::{PushAuth, PushAuthError};
use crate::PushedMessage;

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
    let refused = |problem: Problem, why: &dyn std::fmt::Display| {
        let consumer = endpoint.consumer;
        let outcome = problem.slug();
        warn!(consumer, outcome, %why, "delivery refused");
        problem.into_response()
    };
    if let Err(error) = endpoint.auth.check(&headers).await {
        return refused(auth_problem(&error), &error);
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return refused(body_problem(&rejection), &rejection.status()),
    };
    let message = match PushedMessage::from_json(&body, endpoint.clock.now()) {
        Ok(message) => message,
        Err(error) => return refused(not_a_push(&error.to_string()), &error),
    };
    drop(body);
    let settled = endpoint.pipeline.settle(&message).await;
    endpoint.log(&message, &settled, started);
    (&settled.outcome).into_response()
}

impl Endpoint {
    /// The one line of a delivery. No address, no name, no payload.
    fn log(&self, message: &PushedMessage, settled: &Settled, started: Instant) {
        let trace = message
            .attributes
            .get(TRACEPARENT)
            .and_then(|value| value.parse::<TraceContext>().ok())
            .map(|context| format!("projects/{}/traces/{}", self.project, context.trace_id()));
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        macro_rules! line {
            ($level:ident, $text:literal $(, $name:ident = $value:expr)*) => {
                $level!(
                    event_id = settled.event_id.as_str(),
                    event_type = settled.event_type.as_str(),
                    subject = settled.subject.as_deref(),
                    consumer = self.consumer,
                    attempt = message.delivery_attempt,
                    outcome = settled.outcome.name(),
                    duration_ms,
                    correlation_id = settled.correlation_id.as_deref(),
                    message_id = message.message_id.as_str(),
                    may_have_repeated = settled.may_have_repeated.then_some(true),
                    "logging.googleapis.com/trace" = trace.as_deref(),
                    $($name = $value,)*
                    $text
                )
            };
        }
        match &settled.outcome {
            Outcome::Done | Outcome::Duplicate | Outcome::Ignored | Outcome::Stale => {
                line!(info, "delivered");
            }
            Outcome::Parked(reason) => line!(
                warn,
                "parked on the dead-letter topic",
                reason = reason.slug,
                detail = reason.detail.as_str()
            ),
            Outcome::Busy { .. } => line!(info, "another instance is at work on this event"),
            Outcome::Failed(cause) => line!(
                error,
                "failed, to be delivered again",
                error = fanout_runtime::error_chain(cause.as_ref())
            ),
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
