//! How long to wait before a message is delivered again.

use std::time::Duration;

use fanout_runtime::IdGenerator;

use crate::Backoff;

/// How far a wait is moved by chance, up or down: messages that failed together come apart.
const SPREAD: f64 = 0.2;

impl Backoff {
    /// The wait after the `failures`th failed delivery (from 1): doubling from `min` up to `max`,
    /// moved by chance, never outside of the two.
    pub fn wait(&self, failures: u32, ids: &dyn IdGenerator) -> Duration {
        let doublings = failures.saturating_sub(1).min(63);
        // Past 2^64 seconds the cap has long decided: infinity is as good.
        let grown = self.min.as_secs_f64() * 2_f64.powi(doublings.cast_signed());
        let capped = grown.min(self.max.as_secs_f64());
        let moved = capped * (1.0 - SPREAD + 2.0 * SPREAD * ids.fraction());
        Duration::try_from_secs_f64(moved)
            .unwrap_or(self.max)
            .clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Always the same fraction.
    struct Fixed(f64);

    impl IdGenerator for Fixed {
        fn new_id(&self, prefix: &str) -> String {
            prefix.to_owned()
        }

        fn fraction(&self) -> f64 {
            self.0
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_outside_its_bounds(
            min in 1_u64..700_000,
            longer in 0_u64..700_000,
            failures in 0_u32..1_000,
            fraction in 0.0..1.0,
        ) {
            let min = Duration::from_millis(min);
            let backoff = Backoff { min, max: min + Duration::from_millis(longer) };
            let wait = backoff.wait(failures, &Fixed(fraction));
            prop_assert!(backoff.min <= wait && wait <= backoff.max, "{:?}", wait);
        }

        #[test]
        fn waits_grow_until_the_longest(failures in 1_u32..8, first in 0.0..1.0, second in 0.0..1.0) {
            let backoff = Backoff { min: Duration::from_secs(1), max: Duration::from_secs(600) };
            let wait = backoff.wait(failures, &Fixed(first));
            let next = backoff.wait(failures + 1, &Fixed(second));
            prop_assert!(wait < next, "{:?} then {:?}", wait, next);
        }
    }

    #[test]
    fn the_waits_double() {
        let backoff = Backoff {
            min: Duration::from_secs(1),
            max: Duration::from_secs(10),
        };
        let waits = (1..=6).map(|failures| backoff.wait(failures, &Fixed(0.5)).as_secs());
        assert_eq!(waits.collect::<Vec<_>>(), [1, 2, 4, 8, 10, 10]);
    }
}
