//! Simulated time: the clock that services read goes with tokio's paused one.

use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::{Clock, Timestamp, whole_milliseconds};
use tokio::time::Instant;

/// The most that one instance's clock is off. Two instances differ by twice this at most, which
/// must stay below lease - handler budget (15 s): beyond that a lease protects nobody.
pub(crate) const MAX_SKEW: Duration = Duration::from_secs(7);

/// When every simulation begins.
const START: &str = "2026-11-20T12:00:00Z";

/// One instance's clock: simulated time, and how far it is off.
pub(crate) struct SimClock {
    epoch: Instant,
    start: Timestamp,
    skew: TimeDelta,
}

impl SimClock {
    pub(crate) fn new(epoch: Instant, skew: TimeDelta) -> Self {
        let start = START.parse().unwrap();
        Self { epoch, start, skew }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        whole_milliseconds(self.start + self.epoch.elapsed() + self.skew)
    }
}
