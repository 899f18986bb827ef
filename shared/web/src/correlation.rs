//! What ties a request to everything that follows from it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use fanout_events::is_identifier;
use fanout_runtime::{IdGenerator, Latency, LogScope, Scoped, TraceContext};
use fanout_telemetry::{answered, context_of, request_span};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tower::Service;
use tower::layer::layer_fn;
use tracing::{Instrument as _, debug, error};

/// The header that names a request, in and out.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a request belongs.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Carried by every event that follows, and by every log line about them.
    pub correlation_id: String,
    /// The trace that the consumers continue.
    pub trace: Option<TraceContext>,
}

/// Why a request failed, for the log: an extension of the answer, taken off before that leaves.
#[derive(Debug, Clone)]
pub struct Cause(pub String);

impl RequestContext {
    /// The correlation id is the `X-Request-Id` if that is an identifier, else the trace's id, else a
    /// new one: it gets into logs and events, so it must not be just any text that a caller sends.
    fn of(headers: &HeaderMap, ids: &dyn IdGenerator) -> Self {
        let trace = TraceContext::from_headers(headers);
        let given = headers.get(&X_REQUEST_ID);
        let correlation_id = given
            .and_then(|value| value.to_str().ok())
            .filter(|value| is_identifier(value))
            .or(trace.as_ref().map(TraceContext::trace_id))
            .map_or_else(|| ids.new_id("req"), str::to_owned);
        Self {
            correlation_id,
            trace,
        }
    }
}

/// The routes, with a [`RequestContext`] as an extension of each request, named in the answer; and with
/// one log line each, which tells the [`Cause`] of a failure.
pub fn with_correlation<S: Clone + Send + Sync + 'static>(
    routes: Router<S>,
    ids: Arc<dyn IdGenerator>,
) -> Router<S> {
    routes.layer(from_fn_with_state(ids, correlate))
}

/// The routes, with each log line within a request naming it and its caller's trace.
pub(crate) fn with_named_lines(routes: Router) -> Router {
    routes.layer(layer_fn(NamedLines))
}

/// Around every request there is, so it is a service of its own: `from_fn` would box each twice.
#[derive(Clone)]
struct NamedLines<S>(S);

impl<S: Service<Request>> Service<Request> for NamedLines<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Scoped<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map_or("", MatchedPath::as_str);
        let trace = TraceContext::from_headers(request.headers());
        let scope = LogScope::of_request(request.method().clone(), route, trace);
        scope.around(self.0.call(request))
    }
}

async fn correlate(
    State(ids): State<Arc<dyn IdGenerator>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let mut context = RequestContext::of(request.headers(), ids.as_ref());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let span = request_span(method.as_str(), route, || context.trace.clone());
    context.trace = context_of(&span).or(context.trace);
    request.extensions_mut().insert(context.clone());
    let scope = LogScope::current().in_trace(context.trace.clone());
    let answering = async {
        let mut response = next.run(request).instrument(span.clone()).await;
        answered(&span, response.status().as_u16());
        let cause = response.extensions_mut().remove();
        log(&Answered {
            method,
            route,
            status: response.status(),
            took: started.elapsed(),
            correlation_id: &context.correlation_id,
            cause,
        });
        response
    };
    let mut response = scope.around(answering).await;
    if let Ok(value) = HeaderValue::from_str(&context.correlation_id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// What became of a request.
struct Answered<'a> {
    method: Method,
    /// The route's pattern: a path holds ids.
    route: &'a str,
    status: StatusCode,
    took: Duration,
    correlation_id: &'a str,
    cause: Option<Cause>,
}

/// One line for each request: by default only for one that failed, since Cloud Run logs each one.
fn log(answered: &Answered<'_>) {
    macro_rules! line {
        ($level:ident, $text:literal $(, $name:ident = $value:expr)*) => {
            $level!(
                correlation_id = answered.correlation_id,
                httpRequest.requestMethod = answered.method.as_str(),
                httpRequest.requestUrl = answered.route,
                httpRequest.status = answered.status.as_u16(),
                httpRequest.latency = %Latency(answered.took),
                $($name = $value,)*
                $text
            )
        };
    }
    match &answered.cause {
        Some(Cause(cause)) => line!(error, "a request failed", error = cause.as_str()),
        None => line!(debug, "answered"),
    }
}
