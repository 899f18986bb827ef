//! What the author of an event-sourced entity writes.

use fanout_events::{DecodeError, Event};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An entity whose state is the sum of its events. Neither method may ask the time, chance or
/// anything outside: both run again whenever a stream is read.
pub trait Aggregate:
    Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The type of every stream's first event, and of no other.
    const FIRST: &'static str;
    /// The topic of its events.
    const TOPIC: &'static str;
    /// Raised with every change of the state or of what events do to it: older snapshots are then
    /// read past.
    const STATE_SCHEMA: u32;
    /// What it can be asked to do.
    type Command: Send + Sync;
    /// What has happened to it.
    type Event: StreamEvent;
    /// Why it will not do what it is asked.
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// What happens by this command, in this state; nothing at all is an answer too.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The state after this event. It has happened: it is not
    /// judged again.
    fn apply(&mut self, event: &Self::Event);

    /// What must hold after every event, or which of it does not. For [`crate::verify()`].
    fn holds(&self) -> Result<(), &'static str>;
}

/// One event of a stream, of any of the stream's types.
pub trait StreamEvent: Sized + Send + Sync {
    /// The event as the outbox stores it.
    fn draft(&self, stream: &str, sequence: u64) -> Result<Draft, UnwritableEvent>;

    /// Reads a stored event of any version.
    fn read(event: &Event) -> Result<Self, DecodeError>;

    /// From when on it counts by value date, if that is not when it was recorded.
    fn effective_at(&self) -> Option<Timestamp>;
}
