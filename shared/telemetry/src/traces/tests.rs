//! What Google's API of OTLP is told, by a stand-in that takes spans only from whom it knows.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use fanout_runtime::Settings;
use google_cloud_auth::credentials::user_account;
use tracing_subscriber::layer::SubscriberExt as _;

use super::http_client::Google;
use super::*;
use crate::request_span;

const TOKEN: &str = "a-token-of-the-stand-in";

/// The projects that were named with spans that were taken, and how often a post was refused.
#[derive(Clone, Default)]
struct StandIn {
    paid_by: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<usize>>,
}

async fn give_a_token() -> impl IntoResponse {
    let answer = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600,"token_type":"Bearer"}}"#);
    ([(header::CONTENT_TYPE, "application/json")], answer)
}

async fn take(State(google): State<StandIn>, headers: HeaderMap) -> StatusCode {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text("authorization") != Some(&format!("Bearer {TOKEN}")) {
        *google.refused.lock().unwrap() += 1;
        return StatusCode::UNAUTHORIZED;
    }
    let project = text("x-goog-user-project").unwrap_or_default();
    google.paid_by.lock().unwrap().push(project.to_owned());
    StatusCode::OK
}

impl StandIn {
    fn start() -> (Self, SocketAddr) {
        let google = Self::default();
        let routes = Router::new()
            .route("/token", post(give_a_token))
            .route("/v1/traces", post(take))
            .with_state(google.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, routes).await
            })
        });
        (google, address)
    }
}

fn settings(address: SocketAddr) -> TraceSettings {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
    let environment = HashMap::from([(endpoint.0.to_owned(), endpoint.1)]);
    let mut settings = Settings::new(&environment);
    let read = TraceSettings::read(&mut settings);
    settings.finish(read).unwrap().unwrap()
}

/// A span, and the end.
fn one_span(traces: Traces) {
    let reading = tracing_subscriber::registry().with(vec![traces.reading()]);
    tracing::subscriber::with_default(reading, || drop(request_span("POST", "/users", || None)));
    traces.stop();
}

#[test]
fn google_is_told_who_sends_and_who_pays_and_takes_spans_from_no_other() {
    let (google, address) = StandIn::start();
    let settings = settings(address);
    one_span(Traces::start(&settings, "user-service").unwrap());
    assert!(*google.refused.lock().unwrap() > 0);
    assert!(google.paid_by.lock().unwrap().is_empty());

    let user = serde_json::json!({
        "type": "authorized_user",
        "client_id": "an-id",
        "client_secret": "a-secret",
        "refresh_token": "another-secret",
        "token_uri": format!("http://{address}/token"),
    });
    let client = CollectorClient::showing(EXPORT_LIMIT, || {
        let credentials = user_account::Builder::new(user).build()?;
        Google::new(credentials, Some("my-project")).map(Some)
    });
    one_span(Traces::sent_by(client.unwrap(), &settings, "user-service").unwrap());
    assert_eq!(*google.paid_by.lock().unwrap(), ["my-project"]);
}

#[test]
fn a_token_that_does_not_come_keeps_no_process_from_ending() {
    // It takes connections, and never answers.
    let hanging = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = hanging.local_addr().unwrap();
    let user = serde_json::json!({
        "type": "authorized_user",
        "client_id": "an-id",
        "client_secret": "a-secret",
        "refresh_token": "another-secret",
        "token_uri": format!("http://{address}/token"),
    });
    let client = CollectorClient::showing(EXPORT_LIMIT, || {
        let credentials = user_account::Builder::new(user).build()?;
        Google::new(credentials, None).map(Some)
    });
    let settings = settings(address);
    let traces = Traces::sent_by(client.unwrap(), &settings, "user-service").unwrap();
    let stopping = std::time::Instant::now();
    one_span(traces);
    assert!(stopping.elapsed() < Duration::from_secs(4));
}
