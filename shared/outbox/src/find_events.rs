//! Rows as an operator finds them who looks an event up.

use fanout_events::EventsOf;
use fanout_store::{Comparison, Direction, Documents, Pages, Query, ReadError, StoreError};
use futures_util::future::try_join_all;

use crate::row::{EVENTS, EventRow, SHARDS, WAITING};

/// The rows of events, waiting or published, `limit` at most; and whether there are more. Those of a
/// subject come in their order, others in none.
pub async fn find_events(
    documents: &dyn Documents,
    of: EventsOf<'_>,
    limit: usize,
) -> Result<(Vec<EventRow>, bool), ReadError> {
    let (field, id) = of.field();
    let mut query = Query::of(EVENTS).only(field, Comparison::Equal, id);
    match of {
        EventsOf::Event(id) => {
            let found = documents.get(&EventRow::key_of(id)).await?;
            let row = found.as_ref().map(EventRow::from_document).transpose()?;
            return Ok((row.into_iter().collect(), false));
        }
        EventsOf::Subject(_) => query = query.order_by("sequence", Direction::Ascending),
        EventsOf::Correlation(_) | EventsOf::Causation(_) => {}
    }
    let (found, more) = Pages::of(query).first(documents, limit).await?;
    let rows = found.iter().map(EventRow::from_document);
    Ok((rows.collect::<Result<_, _>>()?, more))
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
