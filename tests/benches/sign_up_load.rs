//! `cargo bench -p fanout-tests --bench sign_up_load`: sign-ups per second, their latency, the CPU
//! that they cost, and their round trips; on the embedded engine and on Google's emulators.
//!
//! Clients and system share the machine, so compare the engines of one run with each other. The CPU
//! of Google's emulators, which are processes of their own, is left out.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a benchmark reports; each uses its part of what they share"
)]

mod running;

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::Body;
use fanout::google_emulators;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_outbox::Outbox;
use fanout_runtime::{Environment, ProcessEnvironment, SystemClock, SystemIds};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::CountingDocuments;
use futures_util::future::join_all;
use http::Request;
use reqwest::Client;
use serde_json::json;
use tower::ServiceExt;

use running::{Up, binaries, build_release_binaries, median, p99};

const SIGN_UPS: u32 = 2_000;
const CLIENTS: u32 = 16;

fn main() {
    build_release_binaries();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(round_trips());
    runtime.block_on(load("embedded engine", &Up::start(&binaries(), &[])));
    let path = ProcessEnvironment.get("PATH").unwrap_or_default();
    match google_emulators::locate(OsStr::new(&path)) {
        Ok(_) => {
            let up = Up::start(&binaries(), &["--emulators"]);
            runtime.block_on(load("Google's emulators", &up));
        }
        Err(missing) => println!("\nnot measured on Google's emulators: {missing}"),
    }
}

async fn load(engine: &str, up: &Up) {
    let (client, url) = (Client::new(), format!("{}/users", up.url("user")));
    let next = AtomicU32::new(0);
    let (started, cpu) = (Instant::now(), up.cpu_seconds());
    let clients = (0..CLIENTS).map(|_| async {
        let mut times = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= SIGN_UPS {
                return times;
            }
            let body = json!({"email": format!("load-{number}@example.com"), "name": "Load"});
            let sent = Instant::now();
            let answer = client.post(&url).json(&body).send().await.unwrap();
            assert_eq!(answer.status(), 201);
            times.push(sent.elapsed());
        }
    });
    let mut times: Vec<Duration> = join_all(clients).await.concat();
    let took = started.elapsed().as_secs_f64();
    all_counted(&client, up).await;
    let cpu = (up.cpu_seconds() - cpu) * 1000.0 / f64::from(SIGN_UPS);
    println!("\n{SIGN_UPS} sign-ups by {CLIENTS} clients, {engine}");
    println!("  sign-ups a second  {:>8.0}", f64::from(SIGN_UPS) / took);
    println!(
        "  201 answered       {:>8.1} ms p50 {:>8.1} ms p99",
        median(&mut times),
        p99(&mut times)
    );
    println!(
        "  CPU seconds        {cpu:>8.2} of `fanout up` for 1,000 sign-ups and the counting of each"
    );
}

/// Returns once analytics has counted every sign-up: the other two are about as far then.
async fn all_counted(client: &Client, up: &Up) {
    let url = format!("{}/signups", up.url("analytics"));
    loop {
        let answer = client.get(&url).send().await.unwrap();
        let counts: serde_json::Value = answer.json().await.unwrap();
        if counts["total"] == SIGN_UPS {
            return;
        }
        // Seldom enough that asking costs nothing beside what is measured.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A bus that counts.
#[derive(Default)]
struct CountingBus(AtomicU32);

#[async_trait]
impl Publisher for CountingBus {
    async fn publish(&self, _: &str, _: OutgoingMessage) -> Result<MessageId, PublishError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(MessageId(number.to_string()))
    }
}

/// Counted at the ports, in this process: what happens before the answer.
async fn round_trips() {
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&data.path().join("db")).unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let sqlite = SqliteDocuments::open(database, clock.clone())
        .await
        .unwrap();
    let documents = CountingDocuments::new(Arc::new(sqlite));
    let bus = Arc::new(CountingBus::default());
    let outbox = Outbox::new(
        documents.clone(),
        bus.clone(),
        clock.clone(),
        ids.clone(),
        user_service::NAME,
    );
    let app = user_service::app(user_service::UserServiceDeps {
        documents: documents.clone(),
        outbox: outbox.clone(),
        clock,
        ids,
    });
    let body = json!({"email": "a@example.com", "name": "A"}).to_string();
    let request = Request::post("/users").header("content-type", "application/json");
    let answer = app
        .oneshot(request.body(Body::from(body)).unwrap())
        .await
        .unwrap();
    let before = documents.take_calls();
    assert_eq!(answer.status(), 201);
    outbox.drain().await;
    println!(
        "\nround trips of a sign-up, before its answer: {before:?}, publishes: {}",
        bus.0.load(Ordering::Relaxed)
    );
    println!("after its answer: {:?}", documents.take_calls());
}
