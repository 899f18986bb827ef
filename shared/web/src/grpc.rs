//! A gRPC client on a port of HTTP/1.1. It begins with HTTP/2 at once, takes any other answer for a
//! fault of the network, and tries again for minutes: so it gets one that it reads.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What an HTTP/2 connection without TLS begins with, as far as no method of HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI ";
/// gRPC's code for what a server does not do. Clients do not try such a call again.
const UNIMPLEMENTED: HeaderValue = HeaderValue::from_static("12");
/// How long the connection stays, for calls that come after the first.
const LIMIT: Duration = Duration::from_secs(10);

/// Whether the client begins with HTTP/2. Waits for its first bytes, and leaves them where they are.
pub(crate) async fn begins(stream: &TcpStream) -> bool {
    let mut start = [0; PREFACE.len()];
    let length = stream.peek(&mut start).await.unwrap_or_default();
    start[..length] == *PREFACE
}

/// Answers each call that it is not done here, and why.
pub(crate) async fn refuse(stream: TcpStream, why: HeaderValue) {
    let answer = service_fn(|call| {
        let answer = refusal(&call, why.clone());
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer);
    // Whichever side ends it: the client has been told.
    let _ = timeout(LIMIT, connection).await;
}

fn refusal(call: &Request<Incoming>, why: HeaderValue) -> Response {
    let content_type = call.headers().get(CONTENT_TYPE);
    let grpc = content_type.filter(|it| it.as_bytes().starts_with(b"application/grpc"));
    let Some(grpc) = grpc else {
        return (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 only").into_response();
    };
    let mut answer = Response::new(Body::empty());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, grpc.clone());
    headers.insert(HeaderName::from_static("grpc-status"), UNIMPLEMENTED);
    headers.insert(HeaderName::from_static("grpc-message"), why);
    answer
}
