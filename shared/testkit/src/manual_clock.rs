//! A clock that stands still until it is moved.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fanout_runtime::{Clock, Timestamp, whole_milliseconds};

/// A clock for tests. Share it in an `Arc` with what is under test, and move it from outside.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.change(|now| now + by);
    }

    /// Puts it to this time, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.change(|_| now);
    }

    fn change(&self, to: impl FnOnce(Timestamp) -> Timestamp) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = to(*now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        whole_milliseconds(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_it_was_put_to() {
        let start = Timestamp::UNIX_EPOCH;
        let clock = ManualClock::new(start);
        assert_eq!(clock.now(), start);
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().timestamp_millis(), 1500);
        clock.advance(Duration::from_micros(900));
        assert_eq!(clock.now().timestamp_millis(), 1500, "whole milliseconds");
        clock.set(start);
        assert_eq!(clock.now(), start);
    }
}
