//! `cargo bench -p fanout-tests --bench order_flows`: what it takes to see an order through, with a
//! process that asks and with participants that react to each other: time to its end, and CPU.
//!
//! Numbers are for comparing the two on one machine. Nothing here fails by being slow. What an order
//! costs in round trips and events is exact, and a test: `cargo test -p fanout-tests flow_costs`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a benchmark reports; each uses its part of what they share"
)]

mod running;

use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

use running::{Up, binaries, build_release_binaries, median, p99};

/// Placed one after the other, each once the one before has ended.
const ORDERS: u32 = 200;
/// Rounds of each flow, in turns: what else the machine does meanwhile meets both.
const ROUNDS: u32 = 3;

fn main() {
    build_release_binaries();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let flows = ["orchestrated", "choreographed"];
    let mut ends: [Vec<Duration>; 2] = Default::default();
    let mut undone: [Vec<Duration>; 2] = Default::default();
    let mut cpu: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (place, flow) in flows.into_iter().enumerate() {
            let more = ["--system", "shop", "--order-flow", flow, "--console", "off"];
            let up = Up::start(&binaries(), &more);
            runtime.block_on(stock(&up));
            runtime.block_on(order(&up, "US"));
            let before = up.cpu_seconds();
            for _ in 0..ORDERS {
                ends[place].push(runtime.block_on(order(&up, "US")));
            }
            cpu[place].push((up.cpu_seconds() - before) * 1000.0 / f64::from(ORDERS));
            for _ in 0..ORDERS / 4 {
                undone[place].push(runtime.block_on(order(&up, "ZZ")));
            }
        }
    }
    for (place, flow) in flows.into_iter().enumerate() {
        let (ends, undone, cpu) = (&mut ends[place], &mut undone[place], &mut cpu[place]);
        cpu.sort_by(f64::total_cmp);
        println!("\n{flow}: {ORDERS} orders, {ROUNDS} times");
        println!(
            "  confirmed after    {:>6.1} ms p50 {:>6.1} ms p99",
            median(ends),
            p99(ends)
        );
        println!(
            "  undone after       {:>6.1} ms p50 {:>6.1} ms p99",
            median(undone),
            p99(undone)
        );
        println!(
            "  CPU                {:>6.1} ms an order, with who looks",
            cpu[cpu.len() / 2]
        );
    }
}

async fn stock(up: &Up) {
    let url = format!("{}/stock/1", up.url("inventory"));
    let request = Client::new().put(url).json(&json!({"on_hand": 1_000_000}));
    assert!(request.send().await.unwrap().status().is_success());
}

/// How long one takes from its request to its end.
async fn order(up: &Up, country: &str) -> Duration {
    let client = Client::new();
    let body = json!({"user_id": 1, "product_id": 1, "quantity": 1, "price": 1, "ship_to": {"country": country}});
    let orders = format!("{}/orders", up.url("order"));
    let started = Instant::now();
    let answer = client.post(&orders).json(&body).send().await.unwrap();
    let order: Value = answer.json().await.unwrap();
    let path = format!("{orders}/{}", order["id"].as_str().unwrap());
    loop {
        let answer = client.get(&path).send().await.unwrap();
        let order: Value = answer.json().await.unwrap();
        if order["status"] == "confirmed" || order["status"] == "cancelled" {
            return started.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
