//! HTTP/1 connections: taking them, how long a request may take to arrive, and ending them.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONNECTION, HOST};
use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt as _;
use tracing::{debug, error};

use crate::request_body::TimedBody;
use crate::routes::Routes;
use crate::{Problem, grpc};
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

/// How long a connection without a request is still listened to at the end, for one that its client
/// may just be sending; and how long refused clients have to read that they are.
pub(crate) const LAST_MOMENT: Duration = Duration::from_millis(250);

/// How long to wait when no connection can be taken.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// How often that is logged, at most.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// The most connections that the system has made for us and we have not taken.
const BACKLOG: usize = 1024;

#[derive(Clone)]
struct Server {
    routes: Routes,
    limits: ReadLimits,
    /// What a gRPC client is told, where one may come.
    no_grpc: Option<HeaderValue>,
    /// Asks to end with the request that is under way.
    shutdown: Shutdown,
    /// Asks to end without waiting for that.
    overdue: Shutdown,
}

/// Connections that are open; dropping them closes them.
pub(crate) struct Connections {
    open: JoinSet<()>,
    overdue: Shutdown,
}

impl Connections {
    /// Takes connections until `shutdown`, those included that the system has made by then. They end
    /// with the request that is under way on them.
    pub(crate) async fn accept(
        listener: TcpListener,
        routes: Routes,
        limits: ReadLimits,
        no_grpc: Option<HeaderValue>,
        shutdown: &Shutdown,
    ) -> Self {
        let (shutdown, overdue) = (shutdown.clone(), Shutdown::default());
        let server = Server {
            routes,
            limits,
            no_grpc,
            shutdown: shutdown.clone(),
            overdue: overdue.clone(),
        };
        let mut open = JoinSet::new();
        let mut logged: Option<Instant> = None;
        loop {
            tokio::select! {
                () = shutdown.requested() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => drop(open.spawn(server.clone().converse(stream))),
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        if logged.is_none_or(|at| at.elapsed() > LOG_EVERY) {
                            logged = Some(Instant::now());
                            error!(%error, "no connections can be taken for now; trying on");
                        }
                        sleep(OUT_OF_DESCRIPTORS).await;
                    }
                },
                Some(_) = open.join_next() => {}
            }
        }
        for stream in waiting(listener) {
            open.spawn(server.clone().converse(stream));
        }
        Self { open, overdue }
    }

    pub(crate) async fn ended(&mut self) {
        while self.open.join_next().await.is_some() {}
    }

    /// Answers 503 to the requests that are still under way, and ends.
    pub(crate) async fn refuse(mut self) {
        self.overdue.start();
        let _ = timeout(LAST_MOMENT, self.ended()).await;
    }
}

/// Whether it says nothing of the next connection.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// The connections that wait to be taken. Asked of the system itself: tokio may not have heard of
/// them yet.
fn waiting(listener: TcpListener) -> Vec<TcpStream> {
    let taken = listener.into_std().map(|listener| {
        let accept = || Some(listener.accept().ok()?.0);
        let streams = std::iter::from_fn(accept).take(BACKLOG);
        let known = |stream: std::net::TcpStream| {
            stream.set_nonblocking(true)?;
            TcpStream::from_std(stream)
        };
        streams.map(known).filter_map(Result::ok).collect()
    });
    taken.unwrap_or_default()
}

impl Server {
    async fn converse(self, stream: TcpStream) {
        if let Some(why) = self.no_grpc.clone() {
            tokio::select! {
                () = self.shutdown.requested() => {}
                () = sleep(self.limits.head) => return,
                is_grpc = grpc::begins(&stream) => if is_grpc {
                    return grpc::refuse(stream, why).await;
                },
            }
        }
        let service = service_fn(|request| self.answer(request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.requested() => match timeout(LAST_MOMENT, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        if let Err(error) = ended {
            // The client went away, or was too slow.
            debug!(%error, "a connection ended early");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        if !is_for_one_host(&request) {
            return Ok(no_host().into_response());
        }
        let (limit, late) = (self.limits.body, Arc::new(AtomicBool::default()));
        let answering = async {
            let router = self.routes.to_answer(request.uri().path()).await;
            let timed = |body| Body::new(TimedBody::new(body, limit, Arc::clone(&late)));
            router.oneshot(request.map(timed)).await
        };
        let mut answer = tokio::select! {
            answer = answering => answer?,
            () = self.overdue.requested() => stopping().into_response(),
        };
        let late = late.load(Ordering::Relaxed);
        if late {
            answer = too_slow(limit).into_response();
        }
        if late || self.shutdown.is_requested() {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Ok(answer)
    }
}

/// RFC 9112, section 3.2: HTTP/1.1 names one host, and one that can be.
fn is_for_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() == Version::HTTP_10,
        (Some(_), Some(_)) => false,
        (Some(host), None) => {
            host.is_empty()
                || Authority::try_from(host.as_bytes()).is_ok_and(|it| !it.as_str().contains('@'))
        }
    }
}

fn no_host() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "host_missing",
        "The request does not name its host",
        "Send the header `Host` once, as HTTP/1.1 asks.",
    )
}

fn too_slow(limit: Duration) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        "The request took too long to arrive",
        format!("Send the body within {} s.", limit.as_secs_f32()),
    )
}

fn stopping() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "stopping",
        "The service stops",
        "The request was not finished in time, and may or may not have had its effect.",
    )
}
