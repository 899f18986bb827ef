//! A stream's state, and the head that the next event goes on.

use fanout_events::{DecodeError, Received, decode};
use fanout_outbox::EventRow;
use fanout_runtime::Timestamp;
use fanout_store::{Fields, MalformedDocument, ReadError, StoreError};

use crate::chain::HASH;
use crate::{Aggregate, StreamEvent};

/// A stream as it was read.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// Its name: the subject of its events.
    pub stream: String,
    /// The sum of its events.
    pub state: A,
    /// How many these are; 0 if there is no such stream.
    pub sequence: u64,
    /// When the last of them was recorded.
    pub(crate) recorded_at: Timestamp,
    /// The last one's hash.
    pub(crate) hash: String,
}

/// Why a stream could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store failed, or a row is not what it should be.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored event is none of the stream's types.
    #[error("the stored event {event_id} cannot be read")]
    Unreadable {
        /// Which.
        event_id: String,
        /// Why.
        #[source]
        cause: DecodeError,
    },
    /// An event is missing.
    #[error("the stream {stream} has no event {sequence}, but later ones")]
    Gap {
        /// The stream.
        stream: String,
        /// The place that is empty.
        sequence: u64,
    },
    /// More events than are folded without snapshots.
    #[error("the stream has more than {} events", crate::MOST_BY_VALUE_DATE)]
    TooLong,
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Read(error.into())
    }
}

impl From<MalformedDocument> for LoadError {
    fn from(error: MalformedDocument) -> Self {
        Self::Read(error.into())
    }
}

impl<A: Aggregate> Loaded<A> {
    /// Before the stream's first event.
    pub(crate) fn nothing(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            state: A::default(),
            sequence: 0,
            recorded_at: Timestamp::MIN_UTC,
            hash: String::new(),
        }
    }

    /// From the snapshot in a row.
    pub(crate) fn at(row: &EventRow, state: A) -> Result<Self, LoadError> {
        let nothing = Self::nothing(&row.subject);
        Self { state, ..nothing }.headed_by(row)
    }

    /// One event later.
    pub(crate) fn then(mut self, row: &EventRow) -> Result<Self, LoadError> {
        let sequence = self.sequence + 1;
        if row.sequence != sequence {
            let stream = self.stream;
            return Err(LoadError::Gap { stream, sequence });
        }
        self.state.apply(&read(row)?);
        self.headed_by(row)
    }

    fn headed_by(self, row: &EventRow) -> Result<Self, LoadError> {
        let nothing = Fields::new();
        let beside = row.lasting.as_ref().unwrap_or(&nothing);
        Ok(Self {
            sequence: row.sequence,
            recorded_at: row.recorded_at,
            hash: beside.text(HASH)?.to_owned(),
            ..self
        })
    }
}

/// The event of a stored row.
pub(crate) fn read<E: StreamEvent>(row: &EventRow) -> Result<E, LoadError> {
    event_of(row).map_err(|cause| LoadError::Unreadable {
        event_id: row.event_id.clone(),
        cause,
    })
}

/// The event of a row, stored or not yet.
pub(crate) fn event_of<E: StreamEvent>(row: &EventRow) -> Result<E, DecodeError> {
    let message = row.message();
    let received = Received {
        data: &message.data,
        message_id: "",
        publish_time: row.recorded_at,
    };
    decode(&received).and_then(|decoded| E::read(&decoded.event))
}
