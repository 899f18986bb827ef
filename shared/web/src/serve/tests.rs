//! Over real connections.

use std::sync::Arc;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// For everything that should happen soon.
const SOON: Duration = Duration::from_secs(20);

/// A body of which only the first byte is sent.
const HALF_A_POST: &str = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1";
const GET: &str = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

struct Served {
    address: SocketAddr,
    shutdown: Shutdown,
    done: JoinHandle<()>,
}

impl Served {
    async fn start(service: Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::default();
        let done = tokio::spawn(serve(listener, service, shutdown.clone()));
        Self {
            address,
            shutdown,
            done,
        }
    }

    /// A connection on which this has been sent.
    async fn send(&self, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }

    /// Asks it to stop; gives how long that took.
    async fn stop(self) -> Duration {
        let start = Instant::now();
        self.shutdown.start();
        timeout(SOON, self.done).await.unwrap().unwrap();
        start.elapsed()
    }
}

fn routes() -> Router {
    Router::new()
        .route("/health", get(async || "ok"))
        .route("/echo", post(async |body: String| body))
}

fn limits(head: u64, body: u64) -> ReadLimits {
    ReadLimits {
        head: Duration::from_millis(head),
        body: Duration::from_millis(body),
    }
}

/// Everything until the server closes the connection.
async fn rest_of(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut bytes)).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(bytes).unwrap()
}

/// One answer with the body `ok`.
async fn answered(stream: &mut TcpStream) {
    let mut answer = String::new();
    let mut part = [0; 1024];
    while !answer.ends_with("ok") {
        let length = timeout(SOON, stream.read(&mut part))
            .await
            .unwrap()
            .unwrap();
        assert!(length > 0, "{answer}");
        answer.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_push_that_is_read_and_handled_at_its_slowest_is_answered_before_the_ack_deadline() {
    let timings = fanout_runtime::Timings::PRODUCTION;
    assert!(ReadLimits::PRODUCTION.body + timings.handler_budget < timings.ack_deadline);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_answered_408_and_the_connection_closed() {
    let mut service = Service::new(routes());
    service.limits = limits(60_000, 200);
    let served = Served::start(service).await;
    let answer = rest_of(served.send(HALF_A_POST).await).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.contains("\"request_timeout\""), "{answer}");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
    let mut service = Service::new(routes());
    service.limits = limits(200, 60_000);
    let served = Served::start(service).await;
    let answer = rest_of(served.send("GET /health HTTP/1.1\r\nHo").await).await;
    assert_eq!(answer, "");
}

#[tokio::test]
async fn a_body_in_parts_is_read_to_its_end() {
    let served = Served::start(Service::new(routes())).await;
    let mut stream = served.send(HALF_A_POST).await;
    stream.write_all(b"23456789").await.unwrap();
    // Over to the server, so that it sees a body that has not ended.
    answered(&mut served.send(GET).await).await;
    stream.write_all(b"0").await.unwrap();
    served.stop().await;
    let answer = rest_of(stream).await;
    assert!(answer.ends_with("1234567890"), "{answer}");
}

#[tokio::test]
async fn connections_without_a_request_do_not_hold_up_the_end() {
    let served = Served::start(Service::new(routes())).await;
    let _empty = served.send("").await;
    let mut idle = served.send(GET).await;
    answered(&mut idle).await;
    let took = served.stop().await;
    assert!(took < DRAIN / 2, "{took:?}");
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_last_work_begins() {
    let (arrived, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (seen, open) = (Arc::clone(&arrived), Arc::clone(&released));
    let slow = async move || {
        seen.notify_one();
        open.notified().await;
        "ok"
    };
    let (began, last_work) = oneshot::channel();
    let service = Service::new(routes().route("/slow", get(slow))).on_stop(async move {
        began.send(()).unwrap();
    });
    let served = Served::start(service).await;
    let mut stream = served.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    arrived.notified().await;
    served.shutdown.start();
    let mut last_work = last_work;
    assert!(last_work.try_recv().is_err());
    released.notify_one();
    answered(&mut stream).await;
    timeout(SOON, last_work).await.unwrap().unwrap();
    assert!(served.stop().await < DRAIN / 2);
}

#[tokio::test]
async fn the_last_work_has_its_part_of_the_drain_beside_a_client_that_never_ends() {
    let drain = Duration::from_secs(1);
    let (began, last_work) = oneshot::channel();
    let service = Service::new(routes()).drain(drain).on_stop(async move {
        began.send(Instant::now()).unwrap();
    });
    let served = Served::start(service).await;
    let stream = served.send(HALF_A_POST).await;
    // Both connections have been taken now.
    answered(&mut served.send(GET).await).await;
    let start = Instant::now();
    let took = served.stop().await;
    let waited = timeout(SOON, last_work).await.unwrap().unwrap() - start;
    assert!(waited >= drain / 2 && waited < drain, "{waited:?}");
    assert!(took >= drain && took < 3 * drain, "{took:?}");
    let answer = rest_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    assert!(answer.contains("\"stopping\""), "{answer}");
}

/// A connection that the server does not hear of before it runs again.
fn send_unheard(address: SocketAddr, bytes: &str) -> std::net::TcpStream {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

async fn answered_and_closed(stream: std::net::TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let answer = rest_of(TcpStream::from_std(stream).unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn requests_on_connections_that_were_not_taken_yet_are_answered_at_the_end() {
    let served = Served::start(Service::new(routes())).await;
    let sent: Vec<_> = (0..100)
        .map(|_| send_unheard(served.address, GET))
        .collect();
    let took = served.stop().await;
    assert!(took < DRAIN / 2, "{took:?}");
    for stream in sent {
        answered_and_closed(stream).await;
    }
}

#[tokio::test]
async fn requests_that_were_not_read_yet_are_answered_at_the_end() {
    use std::io::Write as _;
    let served = Served::start(Service::new(routes())).await;
    let mut open: Vec<_> = (0..100).map(|_| send_unheard(served.address, "")).collect();
    // All of them have been taken now: they came before this one.
    answered(&mut served.send(GET).await).await;
    for stream in &mut open {
        stream.write_all(GET.as_bytes()).unwrap();
    }
    served.stop().await;
    for stream in open {
        answered_and_closed(stream).await;
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let served = Served::start(Service::new(routes())).await;
    let status = async |head: &str| {
        let request = format!("{head}Connection: close\r\n\r\n");
        let answer = rest_of(served.send(&request).await).await;
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for good in ["1.1\r\nHost: x:80\r\n", "1.1\r\nHost:\r\n", "1.0\r\n"] {
        assert_eq!(
            status(&format!("GET /health HTTP/{good}")).await,
            "200",
            "{good}"
        );
    }
    for bad in [
        "1.1\r\n",
        "1.1\r\nHost: x\r\nHost: x\r\n",
        "1.1\r\nHost: a b\r\n",
        "1.1\r\nHost: x/y\r\n",
        "1.1\r\nHost: user@x\r\n",
        "1.0\r\nHost: x\r\nHost: y\r\n",
    ] {
        assert_eq!(
            status(&format!("GET /health HTTP/{bad}")).await,
            "400",
            "{bad}"
        );
    }
}

#[tokio::test]
async fn last_work_that_hangs_ends_with_the_drain() {
    let drain = Duration::from_secs(1);
    let service = Service::new(routes()).drain(drain);
    let served = Served::start(service.on_stop(std::future::pending())).await;
    let took = served.stop().await;
    assert!(took >= drain && took < 3 * drain, "{took:?}");
}

#[tokio::test]
async fn what_is_to_end_requests_early_is_done_at_once() {
    let stopping = Arc::new(Notify::new());
    let (begin, arrived) = (Arc::clone(&stopping), Arc::new(Notify::new()));
    let seen = Arc::clone(&arrived);
    let long = async move || {
        seen.notify_one();
        stopping.notified().await;
        "ok"
    };
    let service = Service::new(routes().route("/long", get(long)));
    let served = Served::start(service.on_shutdown(move || begin.notify_one())).await;
    let mut stream = served.send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n").await;
    arrived.notified().await;
    let took = served.stop().await;
    assert!(took < DRAIN / 2, "{took:?}");
    answered(&mut stream).await;
}

#[tokio::test]
async fn a_grpc_client_is_told_at_once_that_there_is_none_where_that_is_asked_for() {
    let service = Service::new(routes()).no_grpc("speak REST");
    let served = Served::start(service).await;
    let call = async |content_type: &'static str| {
        let stream = TcpStream::connect(served.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::post("http://x/google.pubsub.v1.Publisher/Publish")
            .header("content-type", content_type)
            .body(())
            .unwrap();
        let mut client = client.ready().await.unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        let answer = timeout(SOON, answer).await.unwrap().unwrap();
        connection.abort();
        answer
    };
    let grpc = call("application/grpc+proto").await;
    assert_eq!(grpc.status(), 200);
    assert_eq!(grpc.headers()["grpc-status"], "12");
    assert_eq!(grpc.headers()["grpc-message"], "speak REST");
    assert!(grpc.body().is_end_stream());
    assert_eq!(call("text/plain").await.status(), 505);

    for request in [GET, "PATCH /health HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = served.send(request).await;
        let mut answer = [0; 8];
        timeout(SOON, stream.read_exact(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(&answer, b"HTTP/1.1");
    }
    // One that says nothing does not hold up the end.
    let silent = TcpStream::connect(served.address).await.unwrap();
    assert!(served.stop().await < SOON);
    drop(silent);
}
