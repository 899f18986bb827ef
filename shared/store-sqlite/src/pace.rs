//! Listings stand back while anything is being written: the machine's time goes to the commits.
//!
//! A reading thread of its own keeps a listing from holding up a commit, but not from taking the
//! processor: of two cores eight clients that list without a pause take a third.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far apart listings begin beside commits: 500 a second, a few hundredths of one core.
const INTERVAL: Duration = Duration::from_millis(2);

#[derive(Default)]
pub(super) struct Pace {
    /// Jobs that have not been answered yet.
    writing: AtomicUsize,
    next: Mutex<Option<Instant>>,
}

/// Something is being written as long as this lives.
pub(super) struct Writing<'a>(&'a Pace);

impl Pace {
    pub(super) fn writing(&self) -> Writing<'_> {
        self.writing.fetch_add(1, Ordering::Relaxed);
        Writing(self)
    }

    /// A listing's turn: at once if nothing is being written.
    pub(super) async fn turn(&self) {
        if self.writing.load(Ordering::Relaxed) > 0 {
            sleep_until(self.take_turn(Instant::now())).await;
        }
    }

    fn take_turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + INTERVAL);
        turn
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.writing.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn listings_begin_apart_only_while_something_is_written() {
        let pace = Pace::default();
        let started = Instant::now();
        let ten_turns = async || {
            for _ in 0..10 {
                pace.turn().await;
            }
            started.elapsed()
        };
        assert_eq!(ten_turns().await, Duration::ZERO);
        let writing = pace.writing();
        assert_eq!(ten_turns().await, 9 * INTERVAL);
        drop(writing);
        assert_eq!(ten_turns().await, 9 * INTERVAL);
    }
}
