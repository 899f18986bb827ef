//! Ids and jitter that repeat with their seed.

use std::sync::{Mutex, PoisonError};

use fanout_runtime::{IdGenerator, id_of};

/// Ids for tests: the same seed gives the same ids in the same order, another seed gives others.
#[derive(Debug)]
pub struct SeededIds(Mutex<State>);

/// SplitMix64: a counter, mixed when read.
#[derive(Debug)]
struct State(u64);

impl SeededIds {
    /// The ids of this seed, from the first on.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(State(seed)))
    }

    fn with<T>(&self, draw: impl FnOnce(&mut State) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl IdGenerator for SeededIds {
    fn new_id(&self, prefix: &str) -> String {
        let random = self.with(|state| [state.next(), state.next(), state.next()]);
        id_of(prefix, random.map(u64::to_be_bytes).as_flattened())
    }

    fn fraction(&self) -> f64 {
        // 53 bits: what an f64 can hold without rounding up to 1.
        (self.with(State::next) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fanout_runtime::is_id_of;

    use super::*;

    fn ids(seed: u64) -> Vec<String> {
        let ids = SeededIds::new(seed);
        (0..100).map(|_| ids.new_id("evt")).collect()
    }

    #[test]
    fn a_seed_gives_the_same_ids_again_and_another_seed_gives_others() {
        assert_eq!(ids(7), ids(7));
        let both: BTreeSet<String> = ids(7).into_iter().chain(ids(8)).collect();
        assert_eq!(both.len(), 200);
    }

    #[test]
    fn ids_look_like_the_real_ones() {
        assert!(ids(7).iter().all(|id| is_id_of("evt", id)));
    }

    #[test]
    fn fractions_are_below_one_and_spread() {
        let ids = SeededIds::new(7);
        let fractions: Vec<f64> = (0..1000).map(|_| ids.fraction()).collect();
        assert!(fractions.iter().all(|f| (0.0..1.0).contains(f)));
        let mean = fractions.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
