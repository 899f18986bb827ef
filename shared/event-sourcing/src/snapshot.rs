//! The state that every hundredth event carries.

use fanout_outbox::EventRow;
use fanout_store::{Fields, MalformedDocument, Value};

use crate::Aggregate;

/// A snapshot comes with every so many events.
pub(crate) const EVERY: u64 = 100;

const SNAPSHOT: &str = "snapshot";
const SCHEMA: &str = "schema";
const STATE: &str = "state";

/// Whether the event in this place carries a snapshot.
pub(crate) fn is_due(sequence: u64) -> bool {
    sequence.is_multiple_of(EVERY)
}

/// Adds the state to what is kept beside its last event.
pub(crate) fn keep<A: Aggregate>(beside: Fields, state: &A) -> Result<Fields, serde_json::Error> {
    let snapshot = Fields::new()
        .with(SCHEMA, u64::from(A::STATE_SCHEMA))
        .with(STATE, serde_json::to_string(state)?);
    Ok(beside.with(SNAPSHOT, Value::Map(snapshot)))
}

/// A snapshot as it is stored.
pub(crate) struct Carried<'a> {
    /// The number of its state's schema.
    pub(crate) schema: u64,
    /// The state in JSON.
    pub(crate) state: &'a str,
}

/// The snapshot that a row carries, if it does.
pub(crate) fn carried(row: &EventRow) -> Result<Option<Carried<'_>>, MalformedDocument> {
    match row.lasting.as_ref().and_then(|beside| beside.get(SNAPSHOT)) {
        None => Ok(None),
        Some(Value::Map(snapshot)) => Ok(Some(Carried {
            schema: snapshot.count(SCHEMA)?,
            state: snapshot.text(STATE)?,
        })),
        Some(_) => Err(MalformedDocument {
            field: SNAPSHOT.to_owned(),
            expected: "a map",
        }),
    }
}

/// The state in a row's snapshot, if it has one of today's schema. One that cannot be read is no
/// snapshot: the events before it say the same, and [`crate::verify()`] names it.
pub(crate) fn state<A: Aggregate>(row: &EventRow) -> Option<A> {
    let carried = carried(row).ok().flatten()?;
    let todays = carried.schema == u64::from(A::STATE_SCHEMA);
    serde_json::from_str(carried.state).ok().filter(|_| todays)
}
