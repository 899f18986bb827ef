//! What the payment provider has captured: its own books, which no service of ours writes.

use std::collections::BTreeMap;

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    Captured,
    Declined,
    Refunded,
    /// Nothing was captured, and nothing will be.
    Closed,
}

/// By what was to be captured, which is an order's own, and by key.
#[derive(Default)]
pub(crate) struct Ledger(BTreeMap<u64, BTreeMap<String, Entry>>);

impl Ledger {
    /// Captures once per key; tells whether it is captured now.
    pub(crate) fn capture(&mut self, total: u64, key: String, declines: bool) -> bool {
        let first = match declines {
            true => Entry::Declined,
            false => Entry::Captured,
        };
        let entries = self.0.entry(total).or_default();
        *entries.entry(key).or_insert(first) == Entry::Captured
    }

    /// Gives back what the key holds and closes it; tells whether it had captured anything.
    pub(crate) fn take_back(&mut self, total: u64, key: String) -> bool {
        let entries = self.0.entry(total).or_default();
        let entry = entries.entry(key).or_insert(Entry::Closed);
        if *entry == Entry::Captured {
            *entry = Entry::Refunded;
        }
        *entry == Entry::Refunded
    }

    /// How often it was ever captured, and how often that still stands.
    pub(crate) fn captures(&self, total: u64) -> (usize, usize) {
        let entries = self.0.get(&total).into_iter().flat_map(BTreeMap::values);
        let stands = |entry: &&Entry| **entry == Entry::Captured;
        let ever = |entry: &&Entry| matches!(entry, Entry::Captured | Entry::Refunded);
        (
            entries.clone().filter(ever).count(),
            entries.filter(stands).count(),
        )
    }
}
