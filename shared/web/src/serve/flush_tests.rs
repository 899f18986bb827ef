//! Where an answer waits for its spans.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::routing::get;
use fanout_telemetry::request_span;
use tower::ServiceExt as _;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

/// A service that sends its spans to this collector before each answer; what one request took.
async fn answered_by_a_service_that_sends_to(collector: SocketAddr) -> Duration {
    let environment = HashMap::from([
        ("TRACE_FLUSH", "request".to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}")),
    ]);
    let environment: HashMap<String, String> = environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let mut settings = Settings::new(&environment);
    let read = TraceSettings::read(&mut settings);
    let settings = settings.finish(read).unwrap().unwrap();
    let traces = Traces::start(&settings, "test-service").unwrap();
    let routes = Router::new().route("/", get(async || drop(request_span("GET", "/", || None))));
    let routes = answering_after(routes, traces.before_answers().unwrap());
    let reading = tracing_subscriber::registry().with(vec![traces.reading()]);
    let request = Request::get("/").body(Body::empty()).unwrap();
    let started = Instant::now();
    let answer = routes.oneshot(request).with_subscriber(reading).await;
    let took = started.elapsed();
    assert!(answer.unwrap().status().is_success());
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spans_of_a_request_are_sent_before_it_is_answered() {
    let collector = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = collector.local_addr().unwrap();
    let taken = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&taken);
    std::thread::spawn(move || {
        let (mut connection, _) = collector.accept().unwrap();
        let mut seen = Vec::new();
        // A span's name is at the end of what is posted, or near it.
        while !String::from_utf8_lossy(&seen).contains("GET /") {
            let mut part = [0; 1 << 12];
            let length = connection.read(&mut part).unwrap();
            seen.extend(&part[..length]);
        }
        noted.store(true, Ordering::SeqCst);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        connection.write_all(answer).unwrap();
    });
    answered_by_a_service_that_sends_to(address).await;
    assert!(taken.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_no_longer_than_promised_for_a_collector_that_hangs() {
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let took = answered_by_a_service_that_sends_to(hanging.local_addr().unwrap()).await;
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}
