//! `cargo bench -p fanout-tests --bench signup_to_effects`: how long from `POST /users` to all three effects, how soon
//! `fanout up` is ready, how much memory it takes, how large the containers' binaries are.
//!
//! Numbers are for comparing builds on one machine. Nothing here fails by being slow.
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

const SERVICES: [&str; 4] = [
    "user-service",
    "email-service",
    "analytics-service",
    "crm-service",
];
const SIGN_UPS: u32 = 200;

fn main() {
    build_release_binaries();
    let binaries = binaries();
    println!("\nbinaries (stripped)");
    for name in SERVICES.iter().chain(["fanout"].iter()) {
        let size = std::fs::metadata(binaries.join(name)).unwrap().len() as f64;
        println!("  {name:<18} {:>6.1} MiB", size / (1 << 20) as f64);
    }
    let mut starts: Vec<Duration> = (0..5).map(|_| Up::start(&binaries, &[]).ready_in).collect();
    let up = Up::start(&binaries, &[]);
    println!("\nfanout up");
    println!(
        "  ready in           {:>6.0} ms (median of 5 starts with empty data)",
        median(&mut starts)
    );
    println!("  RSS when idle      {:>6.1} MiB", up.rss_mib());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut answers = Vec::new();
    let mut effects = Vec::new();
    for number in 0..SIGN_UPS {
        let (answer, all_three) = runtime.block_on(sign_up(&up, number));
        answers.push(answer);
        effects.push(all_three);
    }
    println!("\n{SIGN_UPS} sign-ups, one after the other, embedded engine");
    println!(
        "  201 answered       {:>6.1} ms p50 {:>6.1} ms p99",
        median(&mut answers),
        p99(&mut answers)
    );
    println!(
        "  all three effects  {:>6.1} ms p50 {:>6.1} ms p99",
        median(&mut effects),
        p99(&mut effects)
    );
    println!("  RSS afterwards     {:>6.1} MiB", up.rss_mib());
}

/// One sign-up: the time to the 201, and to contact, mail and count.
async fn sign_up(up: &Up, number: u32) -> (Duration, Duration) {
    let client = Client::new();
    let get = async |url: String| -> Value {
        client.get(url).send().await.unwrap().json().await.unwrap()
    };
    let body = json!({"email": format!("bench-{number}@example.com"), "name": "Bench"});
    let started = Instant::now();
    let answer = client
        .post(format!("{}/users", up.url("user")))
        .json(&body)
        .send();
    let user: Value = answer.await.unwrap().json().await.unwrap();
    let answered = started.elapsed();
    let id = user["id"].as_str().unwrap();
    loop {
        let contact = get(format!("{}/contacts/{id}", up.url("crm"))).await;
        let mails = get(format!("{}/emails?user_id={id}", up.url("email"))).await;
        let counts = get(format!("{}/signups", up.url("analytics"))).await;
        let all = contact["user_id"] == id
            && mails["emails"]
                .as_array()
                .is_some_and(|mails| !mails.is_empty())
            && counts["total"]
                .as_u64()
                .is_some_and(|total| total > u64::from(number));
        if all {
            return (answered, started.elapsed());
        }
    }
}
