//! Everything that is left to chance, from one seed.

use std::time::Duration;

use fanout_runtime::IdGenerator;
use fanout_testkit::SeededIds;

/// Draws that repeat with their seed, in the order in which they are asked for.
pub(crate) struct Dice(SeededIds);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededIds::new(seed ^ 0xD1CE))
    }

    pub(crate) fn chance(&self, probability: f64) -> bool {
        self.0.fraction() < probability
    }

    /// From 0 up to, but not including, `end`.
    pub(crate) fn below(&self, end: u64) -> u64 {
        (self.0.fraction() * end as f64) as u64
    }

    pub(crate) fn duration(&self, most: Duration) -> Duration {
        most.mul_f64(self.0.fraction())
    }

    pub(crate) fn pick<T: Copy>(&self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
