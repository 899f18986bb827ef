//! How many deliveries of one subscription may be in flight: few at first, more while they succeed,
//! half as many after each failure.

use std::collections::{HashMap, HashSet};

/// How many are in flight at most before the endpoint has shown what it can take.
const START: usize = 16;
/// How many are in flight at most, ever.
const MOST: usize = 256;
/// How many bytes of messages are in flight at most; a single larger message is let through.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The deliveries in flight of one subscription.
#[derive(Debug)]
pub(super) struct FlowControl {
    limit: usize,
    /// Bytes by message.
    in_flight: HashMap<i64, usize>,
}

/// What may be taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl FlowControl {
    pub(super) fn new() -> Self {
        Self {
            limit: START,
            in_flight: HashMap::new(),
        }
    }

    /// What may be taken on now. While messages are waiting (`backlog`), only once a quarter of the
    /// places is free: one look into the file then serves many messages.
    pub(super) fn room(&self, backlog: bool) -> Option<Room> {
        let places = self.limit.saturating_sub(self.in_flight.len());
        let worthwhile = if backlog { self.limit / 4 } else { 0 }.max(1);
        let taken: usize = self.in_flight.values().sum();
        let bytes = MOST_BYTES.saturating_sub(taken);
        (places >= worthwhile && bytes > 0).then_some(Room {
            messages: places,
            bytes,
        })
    }

    pub(super) fn in_flight(&self) -> HashSet<i64> {
        self.in_flight.keys().copied().collect()
    }

    pub(super) fn started(&mut self, message: i64, bytes: usize) {
        self.in_flight.insert(message, bytes);
    }

    pub(super) fn finished(&mut self, message: i64, acked: bool) {
        self.in_flight.remove(&message);
        self.limit = if acked {
            (self.limit + 1).min(MOST)
        } else {
            (self.limit / 2).max(1)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(flow: &FlowControl) -> usize {
        flow.room(false).map_or(0, |room| room.messages)
    }

    #[test]
    fn success_makes_room_and_failure_halves_it() {
        let mut flow = FlowControl::new();
        assert_eq!(places(&flow), START);
        for message in 0..1_000 {
            flow.started(message, 1);
            flow.finished(message, true);
        }
        assert_eq!(places(&flow), MOST);
        for message in 0..20 {
            flow.started(message, 1);
            flow.finished(message, false);
        }
        assert_eq!(places(&flow), 1);
    }

    #[test]
    fn what_is_in_flight_takes_its_place() {
        let mut flow = FlowControl::new();
        for message in 0..START as i64 {
            assert_eq!(places(&flow), START - message as usize);
            flow.started(message, 1);
        }
        assert_eq!(flow.room(false), None);
        flow.finished(0, true);
        assert_eq!(places(&flow), 2);
        assert_eq!(flow.room(true), None, "a quarter is not free yet");
    }

    #[test]
    fn large_messages_fill_the_room_before_many_do() {
        let mut flow = FlowControl::new();
        flow.started(1, MOST_BYTES - 10);
        assert_eq!(flow.room(false).map(|room| room.bytes), Some(10));
        flow.started(2, 10);
        assert_eq!(flow.room(false), None);
    }
}
