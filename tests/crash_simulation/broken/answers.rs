//! A service that acks what it has not settled.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use http::StatusCode;

/// Answers deliveries 204 instead of `nack`.
pub(super) fn acking(nack: StatusCode, app: Router) -> Router {
    app.layer(map_response(move |mut response: Response| async move {
        if response.status() == nack && response.headers().contains_key("x-outcome") {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }))
}
