//! How fast letters are redriven.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// So many in so long: `10/s`, `90/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    count: u32,
    per: Duration,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write it as 10/s or 90/m, with a number from 1 to 1000";
        let (count, per) = match text.split_once('/') {
            None => (text, SECOND),
            Some((count, "s")) => (count, SECOND),
            Some((count, "m")) => (count, MINUTE),
            Some(_) => return Err(FORM),
        };
        let count = count.parse().map_err(|_| FORM)?;
        match count {
            1..=1000 => Ok(Self { count, per }),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.per == MINUTE { "m" } else { "s" };
        write!(out, "{}/{unit}", self.count)
    }
}

/// How late a turn may be for the time to be made up for: the moments that a machine is busy with
/// other turns, and no pause.
const MADE_UP_FOR: Duration = Duration::from_millis(250);

/// Lets one through at a time, no faster than the rate.
pub(crate) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(crate) fn of(rate: Rate) -> Self {
        Self {
            interval: rate.per / rate.count,
            next: Instant::now(),
        }
    }

    /// Waits for the next turn.
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

    #[test]
    fn a_rate_is_read_and_written() {
        for (text, written) in [("10/s", "10/s"), ("5", "5/s"), ("90/m", "90/m")] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), written);
        }
        for bad in ["", "0", "-1/s", "1/h", "x/s", "1001/s", "1.5/s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_moment_is_made_up_for() {
        let started = Instant::now();
        let mut pace = Pace::of("500/s".parse().unwrap());
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
        let mut pace = Pace::of("10/s".parse().unwrap());
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
