//! Marks as an operator finds them who looks an event up.

use fanout_events::EventsOf;
use fanout_store::{Comparison, Documents, Pages, Query, ReadError};

use super::mark::{Mark, PROCESSED_EVENTS};

/// A mark, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMark {
    /// The mark.
    pub mark: Mark,
    /// It is no mark of the event itself, but a note that another payload came under its id.
    pub another_payload: bool,
}

/// Finds every consumer's marks, in no order, `limit` at most (a request id that a client never changes leads to all there
/// is); and whether there are more. Those that have expired are among them, where the store has not
/// deleted them yet.
pub async fn find_marks(
    documents: &dyn Documents,
    of: EventsOf<'_>,
    limit: usize,
) -> Result<(Vec<FoundMark>, bool), ReadError> {
    let (field, value) = of.field();
    let query = Query::of(PROCESSED_EVENTS).only(field, Comparison::Equal, value);
    let (found, more) = Pages::of(query).first(documents, limit).await?;
    let marks = found.into_iter().map(|document| {
        let mark = Mark::from_fields(&document.fields)?;
        let another_payload = document.key != mark.key();
        Ok(FoundMark {
            mark,
            another_payload,
        })
    });
    Ok((marks.collect::<Result<_, ReadError>>()?, more))
}
