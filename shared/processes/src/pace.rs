//! How fast deadlines come.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::Timestamp;

/// How often an undo is asked for, and what is past the pivot, before an operator is.
pub const PERSISTENT_ATTEMPTS: u64 = 10;
/// The waits between those double from this one.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// And are never longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The wait before the next attempt, after this many.
pub fn backoff(attempt: u64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1))
        .unwrap_or(u32::MAX)
        .min(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

/// By what all deadlines of steps are divided: 1, but for a machine on which a person waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace(NonZeroU32);

impl Pace {
    /// Deadlines as they are written.
    pub const REAL: Self = Self(NonZeroU32::MIN);

    /// Deadlines that come this many times sooner.
    pub fn divided_by(divisor: NonZeroU32) -> Self {
        Self(divisor)
    }

    /// The moment so long after another.
    pub fn after(self, now: Timestamp, wait: Duration) -> Timestamp {
        let wait = (wait / self.0.get()).max(Duration::from_millis(1));
        let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
        now.checked_add_signed(wait).unwrap_or(Timestamp::MAX_UTC)
    }
}
