//! `cargo bench -p fanout-tests --bench how_it_grows`: what the embedded engine costs with 10,000
//! stored events, and what with a million. `-- USERS` sets the larger number of users.
//!
//! The rounds of both sizes alternate, and the figures are medians of them. The first run fills the
//! larger data, which takes minutes and gigabytes beside the binaries; later runs find it there.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a benchmark reports; each uses its part of what they share"
)]

mod filled;
mod running;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};

use filled::{EVENTS_PER_USER, filled};
use running::{Up, binaries, build_release_binaries, median};

const FEW_USERS: usize = 10_000 / EVENTS_PER_USER;
const MANY_USERS: usize = 1_000_000 / EVENTS_PER_USER;
const ROUNDS: usize = 5;
const SIGN_UPS: u32 = 500;
const CLIENTS: u32 = 16;
/// How many clients list mails without a pause.
const LISTING: usize = 8;
/// How often what is measured one at a time is measured in a round.
const TIMES: usize = 50;

/// The figures of one round, in the order of [`NAMES`].
type Figures = [f64; 8];
const NAMES: [&str; 8] = [
    "ready in, ms",
    "sign-ups a second",
    "the same beside 8 listings, a second",
    "POST /users alone, ms p50",
    "DELETE /users/{id}, ms p50",
    "a page of 100 contacts, ms p50",
    "GET /emails?user_id=, ms p50",
    "trace --user, ms p50",
];

fn main() {
    build_release_binaries();
    let binaries = binaries();
    let users = std::env::args().find_map(|arg| arg.parse().ok());
    let sizes = [FEW_USERS, users.unwrap_or(MANY_USERS)];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data = sizes.map(|users| runtime.block_on(filled(&binaries, users)));
    let mut rounds = [Vec::new(), Vec::new()];
    for number in 0..ROUNDS {
        for (data, rounds) in data.iter().zip(&mut rounds) {
            let figures = runtime.block_on(round(&binaries, data, number));
            rounds.push(figures);
        }
    }
    let [few, many] = sizes.map(|users| format!("{} events", users * EVENTS_PER_USER));
    println!("\n{:<40} {few:>14} {many:>16} {:>8}", "", "ratio");
    for (place, name) in NAMES.iter().enumerate() {
        let [few, many] = [0, 1].map(|size: usize| middle(&rounds[size], place));
        println!("{name:<40} {few:>14.1} {many:>16.1} {:>8.2}", many / few);
    }
}

fn middle(rounds: &[Figures], place: usize) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(|figures| figures[place]).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

async fn round(binaries: &Path, data: &Path, number: usize) -> Figures {
    let up = Up::start_in(data, binaries, &[]);
    let client = Client::new();
    let people = People {
        client: &client,
        url: format!("{}/users", up.url("user")),
        // Addresses of other runs are taken.
        name: format!("round-{number}-{}", std::process::id()),
        next: AtomicU32::new(0),
    };
    people.sign_ups_per_second().await;
    let alone = people.sign_ups_per_second().await;
    let emails = format!("{}/emails?user_id=", up.url("email"));
    let beside = beside_listings(&people, &emails).await;
    let mut ids = Vec::new();
    let mut post = Vec::new();
    for _ in 0..TIMES {
        let (id, took) = people.sign_up().await;
        ids.push(id);
        post.push(took);
    }
    quiet(&client, &format!("{emails}{}", ids[TIMES - 1])).await;
    let contacts = contacts(&client, &format!("{}/contacts?limit=100", up.url("crm"))).await;
    let listed = each(&ids, |id| timed(client.get(format!("{emails}{id}")))).await;
    let mut traced: Vec<Duration> = ids[..10]
        .iter()
        .map(|id| trace(binaries, data, id))
        .collect();
    let deleted = each(&ids, |id| {
        timed(client.delete(format!("{}/{id}", people.url)))
    })
    .await;
    let [mut contacts, mut listed, mut deleted] = [contacts, listed, deleted];
    [
        up.ready_in.as_secs_f64() * 1000.0,
        alone,
        beside,
        median(&mut post),
        median(&mut deleted),
        median(&mut contacts),
        median(&mut listed),
        median(&mut traced),
    ]
}

/// Those who sign up in a round.
struct People<'a> {
    client: &'a Client,
    url: String,
    name: String,
    next: AtomicU32,
}

impl People<'_> {
    async fn sign_up(&self) -> (String, Duration) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let body = json!({"email": format!("{}-{number}@example.com", self.name), "name": "Load"});
        let sent = Instant::now();
        let answer = self
            .client
            .post(&self.url)
            .json(&body)
            .send()
            .await
            .unwrap();
        let took = sent.elapsed();
        assert_eq!(answer.status(), 201);
        let user: Value = answer.json().await.unwrap();
        (user["id"].as_str().unwrap().to_owned(), took)
    }

    async fn sign_ups_per_second(&self) -> f64 {
        let left = AtomicU32::new(SIGN_UPS);
        let one_less = |left: u32| left.checked_sub(1);
        let started = Instant::now();
        let clients = (0..CLIENTS).map(|_| async {
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
                .is_ok()
            {
                self.sign_up().await;
            }
        });
        join_all(clients).await;
        f64::from(SIGN_UPS) / started.elapsed().as_secs_f64()
    }
}

async fn beside_listings(people: &People<'_>, emails: &str) -> f64 {
    let (user, _) = people.sign_up().await;
    let url = format!("{emails}{user}");
    let over = AtomicBool::new(false);
    let listings = (0..LISTING).map(|_| async {
        while !over.load(Ordering::Relaxed) {
            timed(people.client.get(&url)).await;
        }
    });
    let sign_ups = async {
        let rate = people.sign_ups_per_second().await;
        over.store(true, Ordering::Relaxed);
        rate
    };
    tokio::join!(sign_ups, join_all(listings)).0
}

/// Returns once this user's mail has gone out: what the sign-ups led to is over then.
async fn quiet(client: &Client, emails_of_last: &str) {
    loop {
        let answer = client.get(emails_of_last).send().await.unwrap();
        let emails: Value = answer.json().await.unwrap();
        if emails["emails"].as_array().is_some_and(|it| !it.is_empty()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn contacts(client: &Client, first: &str) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut url = first.to_owned();
    while times.len() < TIMES {
        let sent = Instant::now();
        let answer = client.get(&url).send().await.unwrap();
        let page: Value = answer.json().await.unwrap();
        times.push(sent.elapsed());
        url = match page["next_page_token"].as_str() {
            Some(token) => format!("{first}&page_token={token}"),
            None => first.to_owned(),
        };
    }
    times
}

async fn each<F: Future<Output = Duration>>(
    ids: &[String],
    call: impl Fn(&str) -> F,
) -> Vec<Duration> {
    let mut times = Vec::new();
    for id in ids {
        times.push(call(id).await);
    }
    times
}

async fn timed(request: reqwest::RequestBuilder) -> Duration {
    let sent = Instant::now();
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    answer.bytes().await.unwrap();
    sent.elapsed()
}

fn trace(binaries: &Path, data: &Path, user: &str) -> Duration {
    let started = Instant::now();
    let traced = Command::new(binaries.join("fanout"))
        .args(["trace", "--user", user, "--data-dir"])
        .arg(data)
        .output()
        .unwrap();
    assert!(traced.status.success(), "{traced:?}");
    started.elapsed()
}
