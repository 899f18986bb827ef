//! Turns within one process: whoever would append to the same stream waits, and does not compete; and
//! finds the stream as the last one left it. The store decides between processes, and alone keeps what
//! is promised: an append to a stream that another process has changed meanwhile is refused by it.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Aggregate, Loaded};

/// How many streams of different names can be appended to at once, at best.
const LANES: u64 = 64;
/// How many streams a lane remembers, those that were appended to last.
const REMEMBERED: usize = 16;

/// The lanes in which writers wait; streams that share one wait for each other.
#[derive(Clone)]
pub(crate) struct Turns(Arc<[Arc<Mutex<Lane>>]>);

/// Streams as they were after an append, the latest last.
#[derive(Default)]
struct Lane(VecDeque<(String, Box<dyn Any + Send>)>);

/// The turn of some streams; it lasts until it is dropped.
pub(crate) struct Turn(BTreeMap<u64, OwnedMutexGuard<Lane>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..LANES).map(|_| Arc::default()).collect())
    }
}

impl Turns {
    /// Waits for the turn of all these streams. All writers wait for lanes in the same order, so none
    /// waits for ever.
    pub(crate) async fn of(&self, streams: &[&str]) -> Turn {
        let lanes: Vec<u64> = streams.iter().map(|stream| lane_of(stream)).collect();
        let mut turn = BTreeMap::new();
        for (number, lane) in (0..LANES).zip(self.0.iter()) {
            if lanes.contains(&number) {
                turn.insert(number, Arc::clone(lane).lock_owned().await);
            }
        }
        Turn(turn)
    }
}

fn lane_of(stream: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(stream) % LANES
}

impl Turn {
    /// Takes the stream as this process left it. Another may have appended to it since.
    pub(crate) fn recall<A: Aggregate>(&mut self, stream: &str) -> Option<Loaded<A>> {
        let Lane(lane) = &mut **self.0.get_mut(&lane_of(stream))?;
        let place = lane.iter().position(|(name, _)| name == stream)?;
        let (_, left) = lane.remove(place)?;
        left.downcast().ok().map(|loaded| *loaded)
    }

    /// Keeps the stream, as it is stored.
    pub(crate) fn remember<A: Aggregate>(&mut self, loaded: Loaded<A>) {
        let Some(lane) = self.0.get_mut(&lane_of(&loaded.stream)) else {
            return;
        };
        if lane.0.len() == REMEMBERED {
            lane.0.pop_front();
        }
        lane.0.push_back((loaded.stream.clone(), Box::new(loaded)));
    }
}
