//! One delivery over HTTP, without a network.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use fanout_bus::{PushedMessage, X_REDRIVE};
use fanout_runtime::{IdGenerator, SystemIds, Timestamp};
use http::header::RETRY_AFTER;
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

/// How a consumer answered a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// `x-outcome`; empty if there is none.
    pub outcome: String,
    /// `Retry-After`, where it says seconds.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Whether Pub/Sub takes the answer for an ack.
    pub fn acked(&self) -> bool {
        [102, 200, 201, 202, 204].contains(&self.status.as_u16())
    }
}

/// Delivers this data to a consumer's routes, under a message id that nobody else has: what a
/// publisher sends again has a new one, too.
pub async fn deliver(app: &Router, data: impl Into<Vec<u8>>) -> Answer {
    deliver_as(app, data, &SystemIds.new_id("m")).await
}

/// The same under this message id.
pub async fn deliver_as(app: &Router, data: impl Into<Vec<u8>>, message_id: &str) -> Answer {
    push(app, data.into(), message_id, false).await
}

/// The same as an operator delivers what lies on the dead-letter topic.
pub async fn redrive(app: &Router, data: impl Into<Vec<u8>>) -> Answer {
    push(app, data.into(), &SystemIds.new_id("m"), true).await
}

async fn push(app: &Router, data: Vec<u8>, message_id: &str, redriven: bool) -> Answer {
    let message = PushedMessage {
        message_id: message_id.to_owned(),
        publish_time: Timestamp::UNIX_EPOCH,
        data: data.into(),
        attributes: [].into(),
        ordering_key: String::new(),
        subscription: "projects/test/subscriptions/test".to_owned(),
        delivery_attempt: None,
    };
    let body = message.to_json().expect("a push can be written");
    let mut request = Request::post("/pubsub/push").header("content-type", "application/json");
    if redriven {
        request = request.header(X_REDRIVE, "true");
    }
    let request = request
        .body(Body::from(body))
        .expect("the request is well-formed");
    let answer = app.clone().oneshot(request).await;
    let answer = answer.unwrap_or_else(|never| match never {});
    let header = |name: &str| {
        let value = answer.headers().get(name)?;
        Some(value.to_str().expect("a header of ASCII").to_owned())
    };
    let seconds = header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
    Answer {
        status: answer.status(),
        outcome: header("x-outcome").unwrap_or_default(),
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// `GET`: the answer with its whole body as text.
pub async fn look_at(app: &Router, path: &str) -> Response<String> {
    let request = Request::get(path).body(Body::empty());
    let request = request.expect("the request is well-formed");
    let answer = app.clone().oneshot(request).await;
    let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let body = String::from_utf8(body.into()).expect("a body of text");
    Response::from_parts(head, body)
}
