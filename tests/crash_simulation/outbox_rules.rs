//! What must be true of the outbox after each commit, whatever has failed: a row that waits lies
//! beside the lease of its line, it never expires, and it does not wait for long while the bus is up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fanout_outbox::{EVENTS, OUTBOX_LEASES};
use fanout_runtime::Timestamp;
use fanout_store::{Content, Fields, Key, Precondition, Write};

use super::clock::MAX_SKEW;

/// How long a row may wait at most once nothing goes wrong any more: for two leases of holders that
/// died, the relay's next call, and for calls that were on their way. Far below the hour after which
/// the relay looks at everything once more.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

#[derive(Default)]
pub(crate) struct OutboxRules {
    /// Rows that wait: their lease's id, and since when.
    waiting: BTreeMap<String, (String, Duration)>,
    /// Leases that there are, and until when each is held.
    leases: BTreeMap<String, Timestamp>,
    /// Rows that were found to wait for too long.
    late: BTreeSet<String>,
}

impl OutboxRules {
    /// Notes a commit that took effect; gives what is broken now.
    pub(crate) fn note(&mut self, writes: &[Write], now: Duration) -> Vec<String> {
        let mut touched = false;
        for write in writes {
            let id = write.key.id().to_owned();
            if write.key.is_in(OUTBOX_LEASES) {
                touched = true;
                match &write.content {
                    Content::Set(fields) | Content::Merge(fields, _) => {
                        if let Ok(until) = fields.timestamp("expires_at") {
                            self.leases.insert(id, until);
                        }
                    }
                    Content::Delete => drop(self.leases.remove(&id)),
                }
            } else if write.key.is_in(EVENTS) {
                touched = true;
                match &write.content {
                    Content::Set(fields) if write.precondition == Precondition::Absent => {
                        let lease = lease_of(&id, fields);
                        self.waiting.insert(id, (lease, now));
                    }
                    Content::Set(_) => {}
                    Content::Merge(..) | Content::Delete => drop(self.waiting.remove(&id)),
                }
            }
        }
        if touched {
            self.without_lease()
        } else {
            Vec::new()
        }
    }

    fn without_lease(&self) -> Vec<String> {
        let waiting = self.waiting.iter();
        let alone = waiting.filter(|(_, (lease, _))| !self.leases.contains_key(lease));
        alone
            .map(|(row, (lease, _))| format!("row {row} waits, and there is no lease {lease}"))
            .collect()
    }

    pub(crate) fn waits(&self, row: &str) -> bool {
        self.waiting.contains_key(row)
    }

    pub(crate) fn is_any_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether nothing waits and no lease is held. One that has run out holds nothing up: its holder
    /// died between the last row and the lease, and the line's next event takes it over.
    pub(crate) fn is_at_rest(&self, now: Timestamp) -> bool {
        let held = |until: &Timestamp| *until + MAX_SKEW >= now;
        self.waiting.is_empty() && !self.leases.values().any(held)
    }

    /// Rows that wait for too long, each once; nothing has gone wrong since `calm_since`.
    pub(crate) fn too_late(&mut self, now: Duration, calm_since: Duration) -> Vec<String> {
        let mut found = Vec::new();
        for (row, (_, since)) in &self.waiting {
            if now > (*since).max(calm_since) + PATIENCE && self.late.insert(row.clone()) {
                found.push(format!(
                    "row {row} still waits after {} s",
                    PATIENCE.as_secs()
                ));
            }
        }
        found
    }
}

/// The id of the lease that a row's line has.
fn lease_of(event_id: &str, row: &Fields) -> String {
    let ordered = row.text("ordering_key").is_ok_and(|key| !key.is_empty());
    let line = match ordered {
        true => row.text("subject").unwrap(),
        false => event_id,
    };
    let source = row.text("source").unwrap();
    let lease = Key::new(OUTBOX_LEASES, &format!("{source}:{line}"));
    lease.id().to_owned()
}
