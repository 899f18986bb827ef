//! Requests that come while a service is being made, over real connections.

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// For everything that should happen soon.
const SOON: Duration = Duration::from_secs(20);

/// A service that is made once the test says so, or says that it cannot be.
struct Starting {
    address: SocketAddr,
    make: Option<oneshot::Sender<Result<Service, BoxError>>>,
    shutdown: Shutdown,
    ended: JoinHandle<Result<(), BoxError>>,
}

impl Starting {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (make, made) = oneshot::channel();
        let shutdown = Shutdown::default();
        let making = async { made.await.unwrap() };
        let ended = tokio::spawn(serve_once_made(listener, making, shutdown.clone()));
        Self {
            address,
            make: Some(make),
            shutdown,
            ended,
        }
    }

    fn makes(&mut self, made: Result<Service, BoxError>) {
        let make = self.make.take().unwrap();
        assert!(make.send(made).is_ok());
    }

    /// A request that has been sent, on a connection that ends with its answer.
    async fn asked(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn end(self) -> Result<(), BoxError> {
        timeout(SOON, self.ended).await.unwrap().unwrap()
    }
}

fn service() -> Service {
    Service::new(crate::health_route().route("/event", get(async || "handled")))
}

/// Everything until the server closes the connection.
async fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut bytes)).await;
    read.expect("the server closes the connection").unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn while_a_service_is_made_only_its_health_is_answered_and_all_else_waits() {
    let mut starting = Starting::new().await;
    let (event, started) = (
        starting.asked("/event").await,
        starting.asked("/started").await,
    );
    // These came later, and are answered: the others have been read, and wait.
    for _ in 0..2 {
        let health = answer(starting.asked("/health").await).await;
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    }
    for stream in [&event, &started] {
        let unanswered = stream.try_read(&mut [0]).unwrap_err();
        assert_eq!(unanswered.kind(), std::io::ErrorKind::WouldBlock);
    }
    starting.makes(Ok(service()));
    let (event, started) = (answer(event).await, answer(started).await);
    assert!(event.ends_with("handled"), "{event}");
    assert!(started.starts_with("HTTP/1.1 200"), "{started}");
    starting.shutdown.start();
    starting.end().await.unwrap();
}

#[tokio::test]
async fn a_service_that_cannot_be_made_ends_with_the_reason_and_answers_nothing() {
    let mut starting = Starting::new().await;
    let event = starting.asked("/event").await;
    answer(starting.asked("/health").await).await;
    starting.makes(Err("no store".into()));
    assert_eq!(starting.end().await.unwrap_err().to_string(), "no store");
    assert_eq!(answer(event).await, "");
}

#[tokio::test]
async fn a_service_that_is_stopped_before_it_is_made_answers_503_and_ends() {
    let starting = Starting::new().await;
    let event = starting.asked("/event").await;
    answer(starting.asked("/health").await).await;
    starting.shutdown.start();
    let event = answer(event).await;
    assert!(event.starts_with("HTTP/1.1 503"), "{event}");
    starting.end().await.unwrap();
}
