//! The hash of an event, which the next one carries.

use fanout_outbox::EventRow;
use sha2::{Digest, Sha256};

/// The field with an event's hash, in what is kept beside it.
pub(crate) const HASH: &str = "hash";
/// The field with the hash of the event before; the first event has none.
pub(crate) const PREVIOUS: &str = "previous_hash";

/// Over the event before and all of a row that never changes: not over whether it has been published,
/// and not over its snapshot, which follows from the events.
pub(crate) fn hash_of(row: &EventRow, previous: &str) -> String {
    let message = row.message();
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    for part in [
        previous,
        &row.event_id,
        &row.source,
        &row.topic,
        &row.event_type,
        &row.subject,
        &row.sequence.to_string(),
        &row.recorded_at.timestamp_millis().to_string(),
        &of(&row.correlation_id),
        &of(&row.causation_id),
        &row.ordering_key,
    ] {
        add(part.as_bytes());
    }
    add(&message.data);
    for (name, value) in &message.attributes {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    hex::encode(hash.finalize())
}
