//! `cargo bench -p fanout-tests`: how long from `POST /users` to all three effects, how soon
//! `fanout up` is ready, how much memory it takes, how large the containers' binaries are.
//!
//! Numbers are for comparing builds on one machine. Nothing here fails by being slow.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark reports"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

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
    let mut starts: Vec<Duration> = (0..5).map(|_| Up::start(&binaries).ready_in).collect();
    let up = Up::start(&binaries);
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

/// A `fanout up` of its own, killed when dropped.
struct Up {
    child: Child,
    ready_in: Duration,
    urls: Vec<(String, String)>,
    _data: tempfile::TempDir,
}

impl Up {
    fn start(binaries: &Path) -> Self {
        let data = tempfile::tempdir().unwrap();
        let started = Instant::now();
        let mut child = Command::new(binaries.join("fanout"))
            .args([
                "up",
                "--port",
                "user=0,email=0,analytics=0,crm=0,pubsub=0",
                "--data-dir",
            ])
            .arg(data.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut urls = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some((name, rest)) = line.trim().split_once("-service") {
                let base = rest
                    .trim()
                    .splitn(4, '/')
                    .take(3)
                    .collect::<Vec<_>>()
                    .join("/");
                urls.push((name.to_owned(), base.replace("localhost", "127.0.0.1")));
            }
            if line.starts_with("ready") {
                break;
            }
        }
        Self {
            child,
            ready_in: started.elapsed(),
            urls,
            _data: data,
        }
    }

    fn url(&self, name: &str) -> &str {
        &self.urls.iter().find(|(found, _)| found == name).unwrap().1
    }

    /// Linux only; elsewhere 0.
    fn rss_mib(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
        kib.unwrap_or_default() / 1024.0
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build_release_binaries() {
    let built = Command::new("cargo")
        .args(["build", "--release", "--locked"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status()
        .unwrap();
    assert!(built.success(), "the release binaries could not be built");
}

/// Where they are: beside this benchmark's own folder `deps`.
fn binaries() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(Path::parent).unwrap().to_owned()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn p99(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() * 99 / 100].as_secs_f64() * 1000.0
}
