//! `cargo run -p migration --example figures`: what a caller and the three services see in each
//! phase.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example: it prints, and a panic is its verdict"
)]

use std::time::Duration;

use migration::{Hotel, Phase, Stay, Task};
use tokio::time::Instant;

/// How many bookings are made, one after the other.
const BOOKINGS: usize = 100;
/// How long each of the three services takes for a call or an event.
const WORK: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() {
    println!(
        "| phase | answered after, median | p99 | done after, median | requests for a booking | booked while one service is down |"
    );
    println!("|---|---|---|---|---|---|");
    for (number, phase) in Phase::ALL.into_iter().enumerate() {
        let hotel = Hotel::open(phase).await;
        for weather in &hotel.weather {
            weather.is_slow(WORK);
        }
        let (mut answered, mut done) = (Vec::new(), Vec::new());
        for booking in 0..BOOKINGS {
            let (id, asked) = (format!("b{booking}"), Instant::now());
            assert!(book(&hotel, &id).await);
            answered.push(asked.elapsed());
            while !is_done(&hotel, &id).await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            done.push(asked.elapsed());
        }
        let requests = hotel.weather.iter().map(|it| it.requests()).sum::<usize>();
        let asked = hotel.at_bookings.requests() - BOOKINGS;
        hotel.weather[1].is_down(true);
        let mut booked = 0;
        for booking in 0..BOOKINGS {
            booked += usize::from(book(&hotel, &format!("down{booking}")).await);
        }
        println!(
            "| {number} | {} | {} | {} | {} | {} % |",
            at(&mut answered, 50),
            at(&mut answered, 99),
            at(&mut done, 50),
            (requests + asked) as f64 / BOOKINGS as f64,
            booked * 100 / BOOKINGS,
        );
    }
}

async fn book(hotel: &Hotel, id: &str) -> bool {
    let url = format!("{}/bookings/{id}", hotel.bookings[0].1);
    let request = hotel.http.put(url).json(&stay());
    request.send().await.unwrap().status() == http::StatusCode::CREATED
}

async fn is_done(hotel: &Hotel, id: &str) -> bool {
    for task in Task::ALL {
        if hotel.times_done(task, id, &stay()).await == 0 {
            return false;
        }
    }
    true
}

fn stay() -> Stay {
    Stay {
        room: "suite".to_owned(),
        nights: 2,
    }
}

/// The percentile of these, in milliseconds.
fn at(times: &mut [Duration], percentile: usize) -> String {
    times.sort();
    let place = (times.len() * percentile / 100).min(times.len() - 1);
    format!("{:.1} ms", times[place].as_secs_f64() * 1000.0)
}
