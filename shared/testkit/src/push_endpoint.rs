//! Push endpoints: a real HTTP server that answers as the test says, and one that answers in raw
//! bytes.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use fanout_bus::PushedMessage;
use http::{HeaderMap, StatusCode, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// One push as it came in.
#[derive(Clone)]
pub struct Push {
    /// When its body was read.
    pub at: Instant,
    /// The path of the URL.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The bytes.
    pub body: Bytes,
    /// The message in it.
    pub message: PushedMessage,
    /// Which push of this message, from 1.
    pub nth: usize,
    /// The texts of the pushes that were under way when it came.
    pub beside: Vec<String>,
}

impl Push {
    /// The message's data.
    pub fn text(&self) -> String {
        String::from_utf8(self.message.data.to_vec()).unwrap()
    }
}

/// What the endpoint does with a push.
pub enum Reply {
    /// Answers at once.
    Status(u16),
    /// Answers later.
    After(Duration, u16),
    /// Answers with this status and location.
    Redirect(u16, String),
    /// Does not answer.
    Never,
}

type Behaviour = dyn Fn(&Push) -> Reply + Send + Sync;

/// A server on a port of its own; stops when dropped.
pub struct PushEndpoint {
    /// Where it listens.
    pub address: SocketAddr,
    log: Arc<Log>,
    _server: AbortOnDropHandle<()>,
}

struct Log {
    behaviour: Box<Behaviour>,
    pushes: Mutex<Vec<Push>>,
    seen: Mutex<HashMap<String, usize>>,
    clients: Mutex<HashSet<SocketAddr>>,
    under_way: Mutex<Vec<String>>,
    most_under_way: AtomicUsize,
    broken_off: AtomicUsize,
    strangers: AtomicUsize,
}

/// A push that is under way, until it is answered or its client goes away.
struct UnderWay<'a> {
    log: &'a Log,
    text: String,
    answered: bool,
}

impl<'a> UnderWay<'a> {
    /// Gives those too that were under way before.
    fn begin(log: &'a Log, text: String) -> (Self, Vec<String>) {
        let mut under_way = log.under_way.lock().unwrap();
        let beside = under_way.clone();
        under_way.push(text.clone());
        log.most_under_way
            .fetch_max(under_way.len(), Ordering::SeqCst);
        let this = Self {
            log,
            text,
            answered: false,
        };
        (this, beside)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.log.under_way.lock().unwrap();
        let this = under_way.iter().position(|text| *text == self.text);
        this.map(|index| under_way.swap_remove(index));
        if !self.answered {
            self.log.broken_off.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl PushEndpoint {
    /// A server that answers each push as `behaviour` says.
    pub async fn start(behaviour: impl Fn(&Push) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), behaviour).await
    }

    /// The same at a given address.
    pub async fn start_on(
        address: SocketAddr,
        behaviour: impl Fn(&Push) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log {
            behaviour: Box::new(behaviour),
            pushes: Mutex::default(),
            seen: Mutex::default(),
            clients: Mutex::default(),
            under_way: Mutex::default(),
            most_under_way: AtomicUsize::new(0),
            broken_off: AtomicUsize::new(0),
            strangers: AtomicUsize::new(0),
        });
        let app = Router::new()
            .fallback(answer)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&log));
        let server = tokio::spawn(async move {
            axum::serve(
                listener,
                app.into_make_service_with_connect_info::<SocketAddr>(),
            )
            .await
            .unwrap()
        });
        Self {
            address,
            log,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// Where to push to.
    pub fn url(&self) -> String {
        format!("http://{}/pubsub/push", self.address)
    }

    /// All pushes, in order of arrival.
    pub fn pushes(&self) -> Vec<Push> {
        self.log.pushes.lock().unwrap().clone()
    }

    /// How many pushes have come.
    pub fn count(&self) -> usize {
        self.log.pushes.lock().unwrap().len()
    }

    /// Requests that were no pushes; they are answered with 204.
    pub fn strangers(&self) -> usize {
        self.log.strangers.load(Ordering::SeqCst)
    }

    /// How many connections pushes came over.
    pub fn connections(&self) -> usize {
        self.log.clients.lock().unwrap().len()
    }

    /// How many pushes were under way at once at most.
    pub fn most_under_way(&self) -> usize {
        self.log.most_under_way.load(Ordering::SeqCst)
    }

    /// Pushes whose client went away before the answer.
    pub fn broken_off(&self) -> usize {
        self.log.broken_off.load(Ordering::SeqCst)
    }
}

async fn answer(
    State(log): State<Arc<Log>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(message) = PushedMessage::from_json(&body, DateTime::UNIX_EPOCH) else {
        log.strangers.fetch_add(1, Ordering::SeqCst);
        return StatusCode::NO_CONTENT.into_response();
    };
    let text = String::from_utf8_lossy(&message.data).into_owned();
    let (mut under_way, beside) = UnderWay::begin(&log, text);
    log.clients.lock().unwrap().insert(client);
    let nth = {
        let mut seen = log.seen.lock().unwrap();
        let nth = seen.entry(message.message_id.clone()).or_default();
        *nth += 1;
        *nth
    };
    let push = Push {
        at: Instant::now(),
        path: uri.path().to_owned(),
        headers,
        body,
        message,
        nth,
        beside,
    };
    log.pushes.lock().unwrap().push(push.clone());
    let status = |code| StatusCode::from_u16(code).unwrap();
    let response = match (log.behaviour)(&push) {
        Reply::Status(code) => status(code).into_response(),
        Reply::After(wait, code) => {
            tokio::time::sleep(wait).await;
            status(code).into_response()
        }
        Reply::Redirect(code, to) => (status(code), [("location", to)]).into_response(),
        Reply::Never => std::future::pending().await,
    };
    under_way.answered = true;
    response
}

/// A server that answers the nth request (each on its own connection) with the nth of these texts,
/// then with 204, and closes the connection. Gives its URL and the count of requests.
pub async fn raw_endpoint(
    answers: &'static [&'static str],
) -> (String, Arc<AtomicUsize>, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            if stream.read(&mut request).await.unwrap() == 0 {
                continue;
            }
            let nth = counter.fetch_add(1, Ordering::SeqCst);
            let last = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
            let answer = answers.get(nth).unwrap_or(&last);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, count, AbortOnDropHandle::new(server))
}
