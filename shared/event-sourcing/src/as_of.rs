//! A stream as it was.

use fanout_outbox::{EVENTS, EventRow};
use fanout_runtime::Timestamp;
use fanout_store::{Comparison, Direction, Query};

use crate::ledger::{Ledger, of};
use crate::loaded::{LoadError, Loaded, read};
use crate::{Aggregate, StreamEvent};

/// How many events at most are folded without snapshots, for a state by value date.
pub const MOST_BY_VALUE_DATE: usize = 10_000;

/// Which events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The first so many.
    Sequence(u64),
    /// Those that had been recorded then: what was known.
    Recorded(Timestamp),
    /// Those whose value date had come by then, recorded before or after: what was true. And only
    /// what had been recorded by the other time, if there is one.
    Effective(Timestamp, Option<Timestamp>),
}

/// An event as it is stored, and as it is read.
#[derive(Clone)]
pub struct Stored<E> {
    /// How it is stored.
    pub row: EventRow,
    /// What it says.
    pub event: E,
}

impl Ledger {
    /// A stream as of this moment. By sequence and by recorded time that is a prefix, so a snapshot
    /// serves; by value date all events are folded, of [`MOST_BY_VALUE_DATE`] at most.
    pub async fn load_as_of<A: Aggregate>(
        &self,
        stream: &str,
        as_of: AsOf,
    ) -> Result<Loaded<A>, LoadError> {
        let latest_first = match as_of {
            AsOf::Sequence(sequence) => of(stream)
                .only("sequence", Comparison::AtMost, sequence)
                .order_by("sequence", Direction::Descending),
            AsOf::Recorded(at) => of(stream)
                .only("recorded_at", Comparison::AtMost, at)
                .order_by("recorded_at", Direction::Descending),
            AsOf::Effective(at, recorded) => {
                return self.fold_by_value_date(stream, at, recorded).await;
            }
        };
        self.fold(stream, latest_first).await
    }

    /// The stream's events behind this place, in their order, `most` at most; and whether there are
    /// more.
    pub async fn events<E: StreamEvent>(
        &self,
        stream: &str,
        after: u64,
        most: usize,
    ) -> Result<(Vec<Stored<E>>, bool), LoadError> {
        let mut query = Query::of(EVENTS)
            .only("subject", Comparison::Equal, stream)
            .only("sequence", Comparison::Greater, after)
            .order_by("sequence", Direction::Ascending);
        let mut found = Vec::new();
        loop {
            let page = self.documents.query(&query).await?;
            for document in &page.documents {
                if found.len() == most {
                    return Ok((found, true));
                }
                let row = EventRow::from_document(document)?;
                let event = read(&row)?;
                found.push(Stored { row, event });
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => return Ok((found, false)),
            }
        }
    }

    async fn fold_by_value_date<A: Aggregate>(
        &self,
        stream: &str,
        at: Timestamp,
        recorded: Option<Timestamp>,
    ) -> Result<Loaded<A>, LoadError> {
        let (found, more) = self
            .events::<A::Event>(stream, 0, MOST_BY_VALUE_DATE)
            .await?;
        if more {
            return Err(LoadError::TooLong);
        }
        let mut loaded = Loaded::<A>::nothing(stream);
        for Stored { row, event } in found {
            if recorded.is_some_and(|by| row.recorded_at > by) {
                break;
            }
            // The first event says what the stream is, on every day.
            let counts = row.sequence == 1 || event.effective_at().unwrap_or(row.recorded_at) <= at;
            if counts {
                loaded.state.apply(&event);
                loaded.sequence = row.sequence;
            }
        }
        Ok(loaded)
    }
}
