//! Rows as an operator finds them who looks an event up.

use fanout_store::{Comparison, Direction, Documents, Pages, Query, ReadError, StoreError};
use futures_util::future::try_join_all;

use crate::row::{EVENTS, EventRow, SHARDS, WAITING};

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
    let query = match of {
        EventsOf::Event(id) => {
            let found = documents.get(&EventRow::key_of(id)).await?;
            let row = found.as_ref().map(EventRow::from_document).transpose()?;
            return Ok((row.into_iter().collect(), false));
        }
        EventsOf::Subject(id) => Query::of(EVENTS)
            .only("subject", Comparison::Equal, id)
            .order_by("sequence", Direction::Ascending),
        EventsOf::Correlation(id) => {
            Query::of(EVENTS).only("correlation_id", Comparison::Equal, id)
        }
        EventsOf::Causation(id) => Query::of(EVENTS).only("causation_id", Comparison::Equal, id),
    };
    let (mut rows, mut pages) = (Vec::new(), Pages::of(query));
    while let Some(page) = pages.next(documents).await? {
        for document in &page {
            if rows.len() == limit {
                return Ok((rows, true));
            }
            rows.push(EventRow::from_document(document)?);
        }
    }
    Ok((rows, false))
}

/// The rows that wait.
#[derive(Default)]
pub struct WaitingEvents {
    /// Oldest first.
    pub rows: Vec<EventRow>,
    /// The events whose rows cannot be read; each blocks its subject.
    pub unreadable: Vec<String>,
    /// There are more than were read.
    pub more: bool,
}

/// The rows that wait, the oldest of all among them; of each shard as many as `most`, and to the end
/// of a page.
pub async fn find_waiting(
    documents: &dyn Documents,
    most: usize,
) -> Result<WaitingEvents, StoreError> {
    let shards = (0..SHARDS).map(|shard| async move {
        let query = Query::of(EVENTS)
            .only(WAITING, Comparison::Equal, shard)
            .order_by("recorded_at", Direction::Ascending);
        let (mut found, mut pages) = (Vec::new(), Pages::of(query));
        while found.len() < most
            && let Some(page) = pages.next(documents).await?
        {
            found.extend(page);
        }
        Ok::<_, StoreError>((found, pages.query.is_some()))
    });
    let mut waiting = WaitingEvents::default();
    for (found, more) in try_join_all(shards).await? {
        waiting.more |= more;
        for document in found {
            match EventRow::from_document(&document) {
                Ok(row) => waiting.rows.push(row),
                Err(_) => waiting.unreadable.push(document.key.id().to_owned()),
            }
        }
    }
    waiting.rows.sort_by_key(|row| row.recorded_at);
    Ok(waiting)
}
