//! The broker over HTTP, on Google's own paths and in Google's own JSON: enough of Pub/Sub's REST
//! API for `gcloud pubsub` and `curl`. What it does not do it refuses, by name.
//!
//! Any project id is accepted and answered with: there is one project on one machine, and gcloud
//! always sends the id that happens to be configured.

mod error;
mod names;
mod paging;
mod proto_json;
mod proto_scalars;
mod subscription_resource;
mod subscriptions;
mod topics;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use fanout_web::{health_route, is_encoded};
use http::{Method, Uri};

use super::broker::Broker;
use error::RestError;

/// Room for a publish of 10 MB in base64, and its JSON.
const MOST_BODY_BYTES: usize = 14 * 1024 * 1024;

/// What a gRPC client is told that takes this for Google's emulator.
pub const NO_GRPC: &str = "the embedded broker speaks Pub/Sub's REST API and no gRPC: use its REST API (gcloud does with CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB), or Google's emulator (fanout up --emulators)";

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
        .route_layer(from_fn(paging::read_query))
        .route_layer(from_fn(check_coding))
        .merge(health_route())
        .fallback(unsupported)
        .method_not_allowed_fallback(unsupported)
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(broker)
}

/// Bodies are read as they come.
async fn check_coding(request: Request, next: Next) -> Result<Response, RestError> {
    if is_encoded(request.headers()) {
        return Err(RestError::Encoded);
    }
    Ok(next.run(request).await)
}

async fn unsupported(method: Method, uri: Uri) -> RestError {
    names::unsupported_request(&method, uri.path())
}
