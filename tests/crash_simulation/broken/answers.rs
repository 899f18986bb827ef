//! A service that acks what it has not settled.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use http::StatusCode;

use super::Broken;

pub(super) fn acking(broken: Broken, app: Router) -> Router {
    let nack = match broken {
        Broken::AckWhileClaimed => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    app.layer(map_response(move |mut response: Response| async move {
        if response.status() == nack && response.headers().contains_key("x-outcome") {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }))
}
