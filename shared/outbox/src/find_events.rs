//! Rows as an operator finds them who looks an event up.

use fanout_store::{Comparison, Documents, Query, ReadError};

use crate::row::{EVENTS, EventRow};

/// Which rows. Each is one equality on one field, which is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsOf<'a> {
    /// The row of one event.
    Event(&'a str),
    /// Of all events about one subject.
    Subject(&'a str),
    /// Of all events that one request led to.
    Correlation(&'a str),
    /// Of all events that one event caused.
    Causation(&'a str),
}

/// The rows of events, waiting or published, `limit` at most; and whether there are more. Those of a
/// subject come in their order, others in none.
pub async fn find_events(
    documents: &dyn Documents,
    of: EventsOf<'_>,
    limit: usize,
) -> Result<(Vec<EventRow>, bool), ReadError> {
    let mut query = match of {
        EventsOf::Event(id) => {
            let found = documents.get(&EventRow::key_of(id)).await?;
            let row = found.as_ref().map(EventRow::from_document).transpose()?;
            return Ok((row.into_iter().collect(), false));
        }
        EventsOf::Subject(id) => Query::of(EVENTS)
            .only("subject", Comparison::Equal, id)
            .order_by("sequence", fanout_store::Direction::Ascending),
        EventsOf::Correlation(id) => {
            Query::of(EVENTS).only("correlation_id", Comparison::Equal, id)
        }
        EventsOf::Causation(id) => Query::of(EVENTS).only("causation_id", Comparison::Equal, id),
    };
    let mut rows = Vec::new();
    loop {
        let page = documents.query(&query).await?;
        for document in &page.documents {
            if rows.len() == limit {
                return Ok((rows, true));
            }
            rows.push(EventRow::from_document(document)?);
        }
        match page.next {
            Some(next) => query = query.after(next),
            None => return Ok((rows, false)),
        }
    }
}
