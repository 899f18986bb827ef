//! `POST /pubsub/push` and `POST /pubsub/push/unwrapped`: one delivery over HTTP, one log line.

use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use fanout_runtime::{Clock, LogScope, TraceContext};
use fanout_telemetry::{Delivered, answered, context_of, process_span, processed, request_span};
use fanout_web::{BodyFault, BodyRoom, HeldBody, Problem, health_route, is_encoded, media_type};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::consumer::Consumer;
use crate::delivery_line::DeliveryLine;
use crate::pipeline::{ConsumerDeps, Pipeline};
use crate::push_auth::{PushAuth, PushAuthError};
use fanout_bus::{NotAPush, PushEnvelope, PushedMessage, UnwrappedPush, X_REDRIVE};

/// The largest push body: Pub/Sub's 10 MB of data are 13.3 MB in base64, and attributes come on top.
pub const MAX_PUSH_BYTES: usize = 15 * 1024 * 1024;

const PUSH: &str = "/pubsub/push";
const PUSH_UNWRAPPED: &str = "/pubsub/push/unwrapped";

struct Endpoint {
    pipeline: Pipeline,
    consumer: &'static str,
    reader: Reader,
}

/// Takes pushes in: first who pushes, then how much, then what.
struct Reader {
    auth: PushAuth,
    /// For all pushes that are under way: Cloud Run lets 80 in at once.
    room: BodyRoom,
    clock: Arc<dyn Clock>,
}

/// The routes that make a consumer: `POST /pubsub/push`, the same for pushes without Google's wrapper
/// (Eventarc's, and of subscriptions with `noWrapper`), and what probes ask.
pub fn push_route(consumer: Consumer, deps: ConsumerDeps) -> Router {
    let endpoint = Endpoint {
        consumer: consumer.name,
        pipeline: Pipeline::new(consumer, &deps),
        reader: Reader {
            auth: deps.auth,
            room: BodyRoom::of_memory(MAX_PUSH_BYTES),
            clock: deps.clock,
        },
    };
    Router::new()
        .route(PUSH, post(receive))
        .route(PUSH_UNWRAPPED, post(receive_unwrapped))
        .with_state(Arc::new(endpoint))
        .merge(health_route())
}

async fn receive(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let (Parts { headers, .. }, body) = request.into_parts();
    let pushed = pin!(async {
        let started = Instant::now();
        let mut line = DeliveryLine::new(endpoint.consumer, PUSH);
        let read = endpoint.reader.read(&headers, body, &mut line).await;
        endpoint.answer(read, &headers, &line, started).await
    });
    in_a_span(PUSH, &headers, pushed).await
}

/// A push in the span of its request. It stays where it is: it is too large to be moved about.
async fn in_a_span(
    path: &'static str,
    headers: &HeaderMap,
    push: Pin<&mut impl Future<Output = Response>>,
) -> Response {
    let span = request_span("POST", path, || TraceContext::from_headers(headers));
    let scope = LogScope::current().in_trace(context_of(&span));
    let response = scope.around(push.instrument(span.clone())).await;
    answered(&span, response.status().as_u16());
    response
}

async fn receive_unwrapped(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    let (Parts { headers, .. }, body) = request.into_parts();
    let pushed = pin!(async {
        let started = Instant::now();
        let mut line = DeliveryLine::new(endpoint.consumer, PUSH_UNWRAPPED);
        let reader = &endpoint.reader;
        let read = reader.read_unwrapped(&headers, body, &mut line).await;
        endpoint.answer(read, &headers, &line, started).await
    });
    in_a_span(PUSH_UNWRAPPED, &headers, pushed).await
}

impl Endpoint {
    async fn answer(
        &self,
        read: Result<(PushedMessage, HeldBody), Refusal>,
        headers: &HeaderMap,
        line: &DeliveryLine,
        started: Instant,
    ) -> Response {
        match read {
            Ok((message, _room)) => {
                let redriven = headers.contains_key(X_REDRIVE);
                let span = process_span(&delivered(&message, line.trace(), redriven));
                let trace = context_of(&span).or_else(|| line.trace().cloned());
                let settling = pin!(async {
                    let settling = self.pipeline.settle(&message, redriven);
                    let settled = settling.instrument(span.clone()).await;
                    processed(&span, &settled.traced());
                    drop(span);
                    let answer = (&settled.outcome).into_response();
                    line.settled(&settled, answer.status(), started.elapsed());
                    answer
                });
                LogScope::current().in_trace(trace).around(settling).await
            }
            Err(refusal) => {
                let problem = refusal.problem();
                let (why, took) = (refusal.to_string(), started.elapsed());
                let scope = LogScope::current().in_trace(line.trace().cloned());
                scope.around_all_of(|| {
                    line.refused(problem.slug(), &why, problem.status(), took);
                });
                problem.into_response()
            }
        }
    }
}

fn delivered<'a>(
    message: &'a PushedMessage,
    created: Option<&'a TraceContext>,
    redriven: bool,
) -> Delivered<'a> {
    let subscription = message.subscription.rsplit('/').next();
    Delivered {
        subscription: subscription.unwrap_or_default(),
        message_id: &message.message_id,
        attempt: message.delivery_attempt,
        created,
        redriven,
    }
}

/// Why a request is not taken as a delivery, for the log. Shows nothing of the request.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Auth(#[from] PushAuthError),
    #[error("it is not plain JSON")]
    NotJson,
    #[error("its body is encoded")]
    Encoded,
    #[error(transparent)]
    Body(#[from] BodyFault),
    #[error(transparent)]
    NotAPush(#[from] NotAPush),
}

impl Reader {
    /// The message of a request that may push and is a push, and the room that it takes; `line`
    /// learns what it says of itself.
    async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        line: &mut DeliveryLine,
    ) -> Result<(PushedMessage, HeldBody), Refusal> {
        self.auth.check(headers).await?;
        if is_encoded(headers) || media_type(headers).as_deref() != Some("application/json") {
            return Err(Refusal::NotJson);
        }
        let mut held = self.room.read(body, MAX_PUSH_BYTES).await?;
        let envelope = PushEnvelope::from_json(&std::mem::take(&mut held.bytes))?;
        line.read(&envelope);
        Ok((envelope.into_message(self.clock.now())?, held))
    }

    /// The same of a push without Google's wrapper: any body is the data, and headers say the rest.
    async fn read_unwrapped(
        &self,
        headers: &HeaderMap,
        body: Body,
        line: &mut DeliveryLine,
    ) -> Result<(PushedMessage, HeldBody), Refusal> {
        self.auth.check(headers).await?;
        let push = UnwrappedPush::from_headers(headers, self.clock.now())?;
        line.announced(push.announced());
        if is_encoded(headers) {
            return Err(Refusal::Encoded);
        }
        let mut held = self.room.read(body, MAX_PUSH_BYTES).await?;
        let data = std::mem::take(&mut held.bytes);
        Ok((push.with_data(data), held))
    }
}

impl Refusal {
    fn problem(&self) -> Problem {
        match self {
            Self::Auth(error) => auth_problem(error),
            Self::NotJson => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "A push is JSON",
                "Send the header `Content-Type: application/json`, and no `Content-Encoding`.",
            ),
            Self::Encoded => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_content_encoding",
                "The body is encoded",
                "Send it without `Content-Encoding`.",
            ),
            Self::Body(BodyFault::TooLarge) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The push is too large",
                format!("A push has at most {MAX_PUSH_BYTES} bytes."),
            ),
            // What watches the logs asks for this slug.
            Self::Body(BodyFault::NoRoom) => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_room",
                "Too much is being delivered at once",
                "The pushes under way take all the memory that is set apart for them. Deliver again.",
            ),
            Self::Body(BodyFault::Incomplete) | Self::NotAPush(_) => Problem::new(
                StatusCode::BAD_REQUEST,
                "not_a_push",
                "This is no Pub/Sub push",
                self.to_string(),
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

#[cfg(test)]
mod tests {
    use fanout_runtime::SystemClock;
    use futures_util::stream;
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

    use super::*;

    const PUSH: &str = r#"{"message":{"messageId":"1","data":"aGVsbG8="},"subscription":"s"}"#;

    fn reader(auth: PushAuth, room: usize) -> Reader {
        Reader {
            auth,
            room: BodyRoom::of(room),
            clock: Arc::new(SystemClock),
        }
    }

    impl Reader {
        async fn status(&self, headers: &HeaderMap, body: Body) -> StatusCode {
            let mut line = DeliveryLine::new("test", PUSH);
            match self.read(headers, body, &mut line).await {
                Ok(_) => StatusCode::OK,
                Err(refusal) => refusal.problem().status(),
            }
        }
    }

    fn json() -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse().unwrap())])
    }

    fn unread() -> Body {
        let part = || -> Option<(Result<String, std::io::Error>, ())> { panic!("it is read") };
        Body::from_stream(stream::unfold((), move |()| async move { part() }))
    }

    #[tokio::test]
    async fn a_push_without_a_token_is_refused_before_its_body_is_read() {
        let guarded = reader(PushAuth::oidc("here", "pusher", None), MAX_PUSH_BYTES);
        let status = guarded.status(&json(), unread()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn only_plain_json_is_a_push_and_nothing_else_is_read() {
        let open = reader(PushAuth::open_for_one_machine(), MAX_PUSH_BYTES);
        assert_eq!(open.status(&json(), PUSH.into()).await, StatusCode::OK);
        let mut others = vec![HeaderMap::new()];
        for media in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ] {
            others.push(HeaderMap::from_iter([(
                CONTENT_TYPE,
                media.parse().unwrap(),
            )]));
        }
        let mut encoded = json();
        encoded.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        others.push(encoded);
        for headers in others {
            let status = open.status(&headers, unread()).await;
            assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn a_push_that_is_too_large_is_413_and_one_without_room_503_until_another_is_done_with() {
        let open = reader(PushAuth::open_for_one_machine(), MAX_PUSH_BYTES);
        let large = Body::from(vec![b' '; MAX_PUSH_BYTES + 1]);
        assert_eq!(
            open.status(&json(), large).await,
            StatusCode::PAYLOAD_TOO_LARGE
        );
        let padded = format!("{PUSH}{}", " ".repeat(MAX_PUSH_BYTES - PUSH.len()));
        let mut line = DeliveryLine::new("test", PUSH);
        let under_way = open.read(&json(), padded.into(), &mut line).await.ok();
        assert!(under_way.is_some());
        let refused = open
            .read(&json(), PUSH.into(), &mut line)
            .await
            .err()
            .unwrap();
        assert_eq!(refused.problem().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.problem().slug(), "no_room");
        drop(under_way);
        assert_eq!(open.status(&json(), PUSH.into()).await, StatusCode::OK);
    }
}
