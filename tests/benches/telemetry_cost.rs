//! `cargo bench -p fanout-tests --bench telemetry_cost`: what a delivery costs in CPU time without traces, with traces that
//! a collector takes, and with a collector that is gone. Each measured in processes of its own, in turn.
//!
//! Numbers are for comparing on one machine. Nothing here fails by being slow.
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    dead_code,
    reason = "a benchmark reports; it uses a part of what tests share"
)]

#[path = "../support/lone_consumer.rs"]
mod lone_consumer;

use std::fs::{read_dir, read_to_string};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use axum::body::Body;
use fanout_bus::PushedMessage;
use fanout_runtime::{
    Environment as _, LogFormat, LogSettings, ProcessEnvironment, Settings, init_telemetry,
};
use fanout_telemetry::{TraceSettings, Traces};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use lone_consumer::LoneConsumer;

const WARM_UP: usize = 500;
const DELIVERIES: usize = 10_000;
const ROUNDS: usize = 5;
/// Says which of the modes a process measures.
const MODE: &str = "TELEMETRY_COST_MODE";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const MODES: [&str; 3] = ["off", "on", "on, the collector is gone"];

fn main() {
    if ProcessEnvironment.get(MODE).is_some() {
        return measure();
    }
    let collector = collector();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let gone = format!("http://{}", gone.unwrap());
    let endpoints = [None, Some(collector), Some(gone)];
    let mut costs = vec![Vec::new(); MODES.len()];
    for _ in 0..ROUNDS {
        for (mode, endpoint) in endpoints.iter().enumerate() {
            let mut process = Command::new(std::env::current_exe().unwrap());
            process.env(MODE, MODES[mode]).env_remove(ENDPOINT);
            process.envs(endpoint.iter().map(|endpoint| (ENDPOINT, endpoint)));
            let output = process.output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            let cost = told.lines().find_map(|line| line.strip_prefix("ns "));
            costs[mode].push(cost.unwrap().parse::<u64>().unwrap());
        }
    }
    println!("\nCPU time of a delivery, median of {ROUNDS} runs of {DELIVERIES}");
    let medians = costs.iter_mut().map(|costs| {
        costs.sort_unstable();
        costs[ROUNDS / 2] as f64
    });
    let medians: Vec<f64> = medians.collect();
    for (mode, median) in MODES.iter().zip(&medians) {
        let (micros, ratio) = (median / 1e3, median / medians[0] - 1.0);
        println!("  {mode:<28} {micros:>7.1} us {:>+6.1} %", ratio * 100.0);
    }
}

/// A collector that takes everything, in the parent's process.
fn collector() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            std::thread::spawn(move || {
                let (mut connection, mut part) = (connection.unwrap(), [0; 1 << 16]);
                let mut seen = Vec::new();
                while let Ok(length @ 1..) = connection.read(&mut part) {
                    seen.extend(&part[..length]);
                    if let Some(rest) = after_one_request(&seen) {
                        seen.drain(..rest);
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        connection.write_all(answer).unwrap();
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

/// Where the first request of these bytes ends, if it is all there.
fn after_one_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.split("content-length: ").nth(1)?.lines().next()?;
    let end = head + length.parse::<usize>().ok()?;
    (bytes.len() >= end).then_some(end)
}

fn measure() {
    let mut settings = Settings::new(&ProcessEnvironment);
    let read = TraceSettings::read(&mut settings);
    let read = settings.finish(read).unwrap();
    let traces = read.map(|settings| Traces::start(&settings, "crm-service").unwrap());
    let reading = traces.iter().map(Traces::reading).collect();
    init_telemetry(LogSettings::of_faults(LogFormat::Json), reading);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let crm = LoneConsumer::crm().await;
        let deliveries: Vec<Vec<u8>> = (0..WARM_UP + DELIVERIES).map(push).collect();
        let mut begun = 0;
        for (number, delivery) in deliveries.into_iter().enumerate() {
            if number == WARM_UP {
                begun = cpu_time();
            }
            let request = Request::post("/pubsub/push").header("content-type", "application/json");
            let request = request.body(Body::from(delivery)).unwrap();
            let response = crm.app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::NO_CONTENT);
        }
        let spent = cpu_time() - begun;
        eprintln!("ns {}", spent / DELIVERIES as u64);
    });
}

/// The push of a new user's event, of a trace that is kept.
fn push(number: usize) -> Vec<u8> {
    let golden = include_str!("../../shared/contracts/user/golden/user.created/1.0/event.json");
    let mut event: Value = serde_json::from_str(golden).unwrap();
    event["id"] = format!("evt_{number}").into();
    event["subject"] = format!("usr_{number}").into();
    event["data"]["user_id"] = event["subject"].clone();
    let trace = json!(format!("00-{:032x}-{:016x}-01", number + 1, number + 1));
    let message = PushedMessage {
        message_id: number.to_string(),
        publish_time: "2026-11-20T12:00:00Z".parse().unwrap(),
        data: event.to_string().into(),
        attributes: [("traceparent".to_owned(), trace.as_str().unwrap().to_owned())].into(),
        ordering_key: String::new(),
        subscription: "projects/test/subscriptions/user-events-crm".to_owned(),
        delivery_attempt: Some(1),
    };
    message.to_json().unwrap()
}

/// What all threads of this process have spent on a CPU, in nanoseconds.
fn cpu_time() -> u64 {
    let threads = read_dir("/proc/self/task").unwrap();
    let spent = threads.filter_map(|thread| {
        let text = read_to_string(thread.unwrap().path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    spent.sum()
}
