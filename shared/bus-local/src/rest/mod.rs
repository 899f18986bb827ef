//! The broker over HTTP, on Google's own paths and in Google's own JSON: enough of Pub/Sub's REST
//! API for `gcloud pubsub` and `curl`.
//!
//! Any project id is accepted and answered with: there is one project on one machine, and gcloud
//! always sends the id that happens to be configured.

mod error;
mod known_settings;
mod message;
mod paging;
mod subscription_resource;
mod subscriptions;
mod topics;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::BytesRejection;
use axum::routing::get;
use fanout_web::health_route;
use serde::de::DeserializeOwned;

use super::broker::Broker;
use super::subscriptions::DELETED_TOPIC;
use error::RestError;

/// Room for a publish of 10 MB in base64, and its JSON.
const MOST_BODY_BYTES: usize = 14 * 1024 * 1024;

/// The REST face of this broker.
pub fn app(broker: Broker) -> Router {
    Router::new()
        .route("/v1/projects/{project}/topics", get(topics::list))
        .route(
            "/v1/projects/{project}/topics/{topic}",
            get(topics::describe)
                .put(topics::create)
                .post(topics::call)
                .delete(topics::delete),
        )
        .route(
            "/v1/projects/{project}/topics/{topic}/subscriptions",
            get(topics::subscriptions),
        )
        .route(
            "/v1/projects/{project}/subscriptions",
            get(subscriptions::list),
        )
        .route(
            "/v1/projects/{project}/subscriptions/{subscription}",
            get(subscriptions::describe)
                .put(subscriptions::create)
                .post(subscriptions::call)
                .delete(subscriptions::delete),
        )
        .merge(health_route())
        .fallback(unsupported)
        .method_not_allowed_fallback(unsupported)
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(broker)
}

async fn unsupported() -> RestError {
    RestError::Unsupported
}

/// A request's body; no body counts as an empty object.
fn read_body<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, RestError> {
    let body = body.map_err(|_| RestError::BodyTooLarge)?;
    let body = if body.is_empty() {
        b"{}"
    } else {
        body.as_ref()
    };
    // serde_json's own message may show values of the body.
    serde_json::from_slice(body).map_err(|error| RestError::Malformed {
        line: error.line(),
        column: error.column(),
    })
}

/// `NAME:METHOD`, as Google writes calls that are more than reading and writing.
fn split_method(segment: &str) -> (&str, &str) {
    segment.rsplit_once(':').unwrap_or((segment, ""))
}

/// The full name of a topic.
fn topic_path(project: &str, name: &str) -> String {
    match name {
        DELETED_TOPIC => name.to_owned(),
        _ => format!("projects/{project}/topics/{name}"),
    }
}

/// The short name in `projects/P/KIND/NAME`; a short name stays what it is.
fn short_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
