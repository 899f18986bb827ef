//! Turns within one process: whoever would append to the same stream waits, and does not compete. The
//! store decides between processes, and alone keeps what is promised.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// How many streams of different names can be appended to at once, at best.
const LANES: u64 = 64;

/// The lanes in which writers wait; streams that share one wait for each other.
#[derive(Clone)]
pub(crate) struct Turns(Arc<[Arc<Mutex<()>>]>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..LANES).map(|_| Arc::default()).collect())
    }
}

impl Turns {
    /// Waits for the turn of all these streams; it lasts until the answer is dropped. All writers
    /// wait for lanes in the same order, so none waits for ever.
    pub(crate) async fn of(&self, streams: &[&str]) -> Vec<OwnedMutexGuard<()>> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let lane = |stream: &&str| hasher.hash_one(stream) % LANES;
        let lanes: BTreeSet<u64> = streams.iter().map(lane).collect();
        let mut turns = Vec::new();
        for (lane, turn) in (0..LANES).zip(self.0.iter()) {
            if lanes.contains(&lane) {
                turns.push(Arc::clone(turn).lock_owned().await);
            }
        }
        turns
    }
}
