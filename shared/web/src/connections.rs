//! HTTP/1 connections: taking them, how long a request may take to arrive, and ending them.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use tracing::debug;

use crate::Problem;
use crate::request_body::{Arrival, TimedBody};
use fanout_runtime::Shutdown;

/// How long a client may take to send a request: without a limit, one that sends a byte now and then
/// holds a connection, and the end of the process, for as long as it likes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadLimits {
    /// For the head; also how long a connection may be idle.
    pub(crate) head: Duration,
    /// For the body, from the end of the head.
    pub(crate) body: Duration,
}

impl ReadLimits {
    /// What is served with. Pub/Sub counts a push's body within the ack deadline (60 s), and the
    /// handler's budget (45 s) starts after it.
    pub(crate) const PRODUCTION: Self = Self {
        head: Duration::from_secs(30),
        body: Duration::from_secs(10),
    };
}

/// Connections that are open; dropping them closes them.
pub(crate) struct Connections(JoinSet<()>);

impl Connections {
    /// Takes connections until `shutdown`. Those that are open then end with the request that is
    /// under way on them.
    pub(crate) async fn accept(
        mut listener: TcpListener,
        router: Router,
        limits: ReadLimits,
        shutdown: &Shutdown,
    ) -> Self {
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.requested() => return Self(open),
                // Faults of the listener are waited out in there.
                (stream, _) = axum::serve::Listener::accept(&mut listener) => {
                    open.spawn(converse(stream, router.clone(), limits, shutdown.clone()));
                }
                Some(_) = open.join_next() => {}
            }
        }
    }

    /// Returns when none is open any more.
    pub(crate) async fn ended(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// All requests of one connection.
async fn converse(stream: TcpStream, router: Router, limits: ReadLimits, shutdown: Shutdown) {
    let answer = service_fn(|request| answer(router.clone(), request, limits.body));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The client went away, or was too slow.
        debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    request: Request<Incoming>,
    limit: Duration,
) -> Result<Response, Infallible> {
    let arrival = Arrival::default();
    let request = request.map(|body| Body::new(TimedBody::new(body, limit, arrival.clone())));
    let answer = router.oneshot(request).await?;
    if !arrival.was_too_slow() {
        return Ok(answer);
    }
    let problem = Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        "The request took too long to arrive",
        format!("Send the body within {} s.", limit.as_secs_f32()),
    );
    let mut answer = problem.into_response();
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    Ok(answer)
}
