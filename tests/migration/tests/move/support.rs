//! What the tests share.

use std::time::Duration;

use migration::{Hotel, Stay, Task};
use tokio::time::{Instant, sleep};

/// How long a condition may take to come true: generous, because test machines are busy.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn stay() -> Stay {
    Stay {
        room: "suite".to_owned(),
        nights: 2,
    }
}

/// Asks an instance of the booking service once.
pub(crate) async fn book(hotel: &Hotel, instance: usize, id: &str) -> u16 {
    let url = format!("{}/bookings/{id}", hotel.bookings[instance].1);
    let request = hotel.http.put(url).json(&stay());
    request.send().await.unwrap().status().as_u16()
}

/// How often each of the three tasks has been done for a booking.
pub(crate) async fn times(hotel: &Hotel, id: &str) -> [i64; 3] {
    let mut times = [0; 3];
    for (times, task) in times.iter_mut().zip(Task::ALL) {
        *times = hotel.times_done(task, id, &stay()).await;
    }
    times
}

pub(crate) async fn quiet(hotel: &Hotel) {
    until("all events are handled", async || hotel.is_quiet().await).await;
}
