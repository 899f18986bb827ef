//! Marks as an operator finds them who looks an event up.

use super::mark::{Mark, PROCESSED_EVENTS};
use fanout_store::{Comparison, Documents, Pages, Query, ReadError};

/// Which marks. Each is one equality on one field, which is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarksOf<'a> {
    /// Every consumer's marks of one event.
    Event(&'a str),
    /// Of all events about one subject.
    Subject(&'a str),
    /// Of all events that one request led to.
    Correlation(&'a str),
    /// Of all events that one event caused.
    Causation(&'a str),
}

/// A mark, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMark {
    /// The mark.
    pub mark: Mark,
    /// It is no mark of the event itself, but a note that another payload came under its id.
    pub another_payload: bool,
}

/// Marks, perhaps not all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMarks {
    /// The marks, in no order.
    pub marks: Vec<FoundMark>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

/// Finds marks, `limit` at most (a request id that a client never changes leads to all there is).
/// Those that have expired are among them, where the store has not deleted them yet.
pub async fn find_marks(
    documents: &dyn Documents,
    of: MarksOf<'_>,
    limit: usize,
) -> Result<FoundMarks, ReadError> {
    let (field, value) = match of {
        MarksOf::Event(id) => ("event_id", id),
        MarksOf::Subject(id) => ("subject", id),
        MarksOf::Correlation(id) => ("correlation_id", id),
        MarksOf::Causation(id) => ("causation_id", id),
    };
    let query = Query::of(PROCESSED_EVENTS).only(field, Comparison::Equal, value);
    let (mut marks, mut pages) = (Vec::new(), Pages::of(query));
    while let Some(page) = pages.next(documents).await? {
        for document in page {
            if marks.len() == limit {
                return Ok(FoundMarks { marks, more: true });
            }
            let mark = Mark::from_fields(&document.fields)?;
            marks.push(FoundMark {
                another_payload: document.key != mark.key(),
                mark,
            });
        }
    }
    Ok(FoundMarks { marks, more: false })
}
