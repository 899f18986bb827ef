//! How fast letters and events are pushed.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep_until};

/// How late a turn may be for the time to be made up for: the moments that a machine is busy with
/// other turns, and no pause.
const MADE_UP_FOR: Duration = Duration::from_millis(250);

/// How fast to push.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Rate {
    /// How many to push in a second, at most
    #[arg(long = "rate", env = "FANOUT_RATE", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) per_second: u32,
}

/// Lets one through at a time, no faster than the rate.
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn of(rate: Rate) -> Self {
        Self {
            interval: Duration::from_secs(1) / rate.per_second,
            next: Instant::now(),
        }
    }

    pub(crate) async fn turn(&mut self) {
        sleep_until(self.next).await;
        let now = Instant::now();
        if now - self.next > MADE_UP_FOR {
            self.next = now;
        }
        self.next += self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_moment_is_made_up_for() {
        let started = Instant::now();
        let mut pace = Pace::of(Rate { per_second: 500 });
        for _ in 0..500 {
            pace.turn().await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        pace.turn().await;
        assert_eq!(started.elapsed().as_millis(), 1000);
        tokio::time::advance(Duration::from_millis(200)).await;
        for _ in 0..100 {
            pace.turn().await;
        }
        assert_eq!(started.elapsed().as_millis(), 1200);
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_no_faster_than_the_rate_and_do_not_make_up_for_a_pause() {
        let started = Instant::now();
        let mut pace = Pace::of(Rate { per_second: 10 });
        for _ in 0..11 {
            pace.turn().await;
        }
        assert_eq!(started.elapsed().as_millis(), 1000);
        tokio::time::advance(Duration::from_secs(60)).await;
        let late = Instant::now();
        for _ in 0..3 {
            pace.turn().await;
        }
        assert_eq!(late.elapsed().as_millis(), 200);
    }
}
