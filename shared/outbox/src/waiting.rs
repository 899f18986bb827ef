//! Rows as whoever looks an event up finds them.

use fanout_store::{Comparison, Documents, Query, ReadError};

use super::row::{OUTBOX, OutboxRow};

/// Which rows. Each is one equality on one field, which Firestore answers from an automatic index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsOf<'a> {
    /// The row of one event.
    Event(&'a str),
    /// Of all events about one subject.
    Subject(&'a str),
    /// Of all events that one request led to.
    Correlation(&'a str),
    /// Of all events that one event caused.
    Causation(&'a str),
}

/// Rows that wait to be published, `limit` at most, in no order; and whether there are more.
pub async fn find_waiting(
    documents: &dyn Documents,
    of: RowsOf<'_>,
    limit: usize,
) -> Result<(Vec<OutboxRow>, bool), ReadError> {
    let (field, value) = match of {
        RowsOf::Event(id) => {
            let found = documents.get(&OutboxRow::key_of(id)).await?;
            let row = found
                .map(|row| OutboxRow::from_fields(&row.fields))
                .transpose()?;
            return Ok((row.into_iter().collect(), false));
        }
        RowsOf::Subject(id) => ("subject", id),
        RowsOf::Correlation(id) => ("correlation_id", id),
        RowsOf::Causation(id) => ("causation_id", id),
    };
    let mut query = Query::of(OUTBOX).only(field, Comparison::Equal, value);
    let mut rows = Vec::new();
    loop {
        let page = documents.query(&query).await?;
        for document in page.documents {
            if rows.len() == limit {
                return Ok((rows, true));
            }
            rows.push(OutboxRow::from_fields(&document.fields)?);
        }
        match page.next {
            Some(next) => query = query.after(next),
            None => return Ok((rows, false)),
        }
    }
}
