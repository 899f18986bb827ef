//! One push: an HTTP POST of the wrapped message, and what its answer means.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, timeout_at};

/// How long a connection is kept for the next push.
const IDLE: Duration = Duration::from_secs(30);
/// How much of an answer's body is read, so that its connection can be used again.
const MOST_ANSWER_BYTES: usize = 64 * 1024;
const JSON: &str = "application/json";

/// Sends pushes. Speaks plain HTTP/1.1 and nothing else: no redirect is followed, no proxy is
/// asked, nothing is sent a second time. Clones share the connections.
#[derive(Clone)]
pub(super) struct PushClient(Client<HttpConnector, Full<Bytes>>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PushAnswer {
    #[error("acked")]
    Acked,
    /// Another status than the five that ack.
    #[error("status {}", .0.as_u16())]
    Refused(StatusCode),
    #[error("no answer within the ack deadline")]
    DeadlineExceeded,
    /// No connection, or none that lasted until the answer.
    #[error("unreachable: {0}")]
    Unreachable(String),
}

/// What a wrapped push says of its body.
pub(super) fn wrapped_headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(JSON))])
}

/// Whether a status acks, by Pub/Sub's list. A redirect does not.
fn acks(status: StatusCode) -> bool {
    matches!(status.as_u16(), 102 | 200 | 201 | 202 | 204)
}

impl PushClient {
    pub(super) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self(client)
    }

    /// Sends one push and waits for its answer until the deadline, then cuts the connection.
    pub(super) async fn push(
        &self,
        endpoint: Uri,
        headers: HeaderMap,
        body: Bytes,
        deadline: Duration,
    ) -> PushAnswer {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint;
        *request.headers_mut() = headers;
        for (name, value) in [(USER_AGENT, "CloudPubSub-Google"), (ACCEPT, JSON)] {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
        // 102 announces that an answer will come; to Pub/Sub it is one already.
        let acked_early = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&acked_early);
        hyper::ext::on_informational(&mut request, move |interim| {
            seen.fetch_or(acks(interim.status()), Ordering::Relaxed);
        });
        let answer = self.exchange(request, Instant::now() + deadline).await;
        if acked_early.load(Ordering::Relaxed) {
            PushAnswer::Acked
        } else {
            answer
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>, deadline: Instant) -> PushAnswer {
        let response = match timeout_at(deadline, self.0.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return PushAnswer::Unreachable(fanout_runtime::error_chain(&error)),
            Err(_) => return PushAnswer::DeadlineExceeded,
        };
        let status = response.status();
        // Read to its end the connection can be used again; otherwise it is closed, no harm done.
        let rest = Limited::new(response.into_body(), MOST_ANSWER_BYTES).collect();
        let _ = timeout_at(deadline, rest).await;
        if acks(status) {
            PushAnswer::Acked
        } else {
            PushAnswer::Refused(status)
        }
    }
}

#[cfg(test)]
mod tests {
    use fanout_testkit::push_endpoint::{PushEndpoint, Reply};

    use super::*;

    const BODY: &str = r#"{
        "message": {"data": "eA==", "messageId": "1", "publishTime": "2026-11-20T12:00:00Z"},
        "subscription": "projects/demo/subscriptions/crm"
    }"#;

    #[tokio::test]
    async fn a_connection_is_kept_for_half_a_minute() {
        let endpoint = PushEndpoint::start(|_| Reply::Status(204)).await;
        let client = PushClient::new();
        for (pause, connections) in [(0, 1), (20, 1), (31, 2)] {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(pause)).await;
            tokio::time::resume();
            let url = endpoint.url().parse().unwrap();
            let answer = client
                .push(url, wrapped_headers(), BODY.into(), Duration::from_secs(20))
                .await;
            assert_eq!(answer, PushAnswer::Acked);
            assert_eq!(endpoint.connections(), connections, "after {pause} s");
        }
    }

    #[test]
    fn five_statuses_ack_and_no_other() {
        let acking: Vec<u16> = (100..1000)
            .filter(|status| acks(StatusCode::from_u16(*status).unwrap()))
            .collect();
        assert_eq!(acking, [102, 200, 201, 202, 204]);
    }
}
