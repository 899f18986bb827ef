//! Stored events in the order in which they were recorded, those of one moment by id.

use std::cmp::Ordering;
use std::collections::VecDeque;

use fanout_runtime::Timestamp;
use fanout_store::{Comparison, Cursor, Direction, Documents, Pages, Query, ReadError, Value};
use futures_util::future::try_join_all;

use crate::row::{EVENTS, EventRow, SHARDS};

/// Which stored events.
#[derive(Debug, Clone, Copy)]
pub struct RecordedBetween<'a> {
    /// Recorded at this time or later.
    pub from: Timestamp,
    /// Recorded before this time.
    pub to: Timestamp,
    /// Of this type only.
    pub event_type: Option<&'a str>,
    /// About this subject only.
    pub subject: Option<&'a str>,
}

/// The rows of these events, whether they wait or not; a page of each shard at a time.
pub struct RecordedEvents<'a> {
    asked: RecordedBetween<'a>,
    shards: Vec<Shard>,
}

struct Shard {
    rows: VecDeque<EventRow>,
    pages: Pages,
}

impl<'a> RecordedEvents<'a> {
    /// From the first on.
    pub fn of(asked: RecordedBetween<'a>) -> Self {
        let queries = match asked.subject {
            // A subject's are few, and its index knows no time.
            Some(subject) => vec![
                Query::of(EVENTS)
                    .only("subject", Comparison::Equal, subject)
                    .order_by("sequence", Direction::Ascending),
            ],
            None => (0..SHARDS).map(|shard| asked.of_shard(shard)).collect(),
        };
        let shards = queries.into_iter().map(|query| Shard {
            rows: VecDeque::new(),
            pages: Pages::of(query),
        });
        Self {
            asked,
            shards: shards.collect(),
        }
    }

    /// Without this one and those before it, of those that were recorded at the first moment asked
    /// for: for who goes on. It need not be there any more. A subject's have another order, and none
    /// of them is left out.
    pub fn behind(mut self, event_id: &str) -> Self {
        if self.asked.subject.is_some() {
            return self;
        }
        // All shards have the one order, so this is a place in each.
        let cursor = Cursor {
            values: vec![Value::from(self.asked.from)],
            id: EventRow::key_of(event_id).id().to_owned(),
        };
        for Shard { pages, .. } in &mut self.shards {
            let query = pages.query.take();
            pages.query = query.map(|query| query.after(cursor.clone()));
        }
        self
    }

    /// The next; `None` at the end.
    pub async fn next(&mut self, documents: &dyn Documents) -> Result<Option<EventRow>, ReadError> {
        let asked = &self.asked;
        let filled = self.shards.iter_mut();
        try_join_all(filled.map(|shard| shard.fill(asked, documents))).await?;
        let first = self
            .shards
            .iter_mut()
            .filter(|shard| !shard.rows.is_empty());
        let first = first.min_by(|one, other| one.compare(other));
        Ok(first.and_then(|shard| shard.rows.pop_front()))
    }
}

impl RecordedBetween<'_> {
    fn of_shard(&self, shard: u64) -> Query {
        let query = Query::of(EVENTS).only("shard", Comparison::Equal, shard);
        let query = match self.event_type {
            Some(event_type) => query.only("type", Comparison::Equal, event_type),
            None => query,
        };
        query
            .only("recorded_at", Comparison::AtLeast, self.from)
            .only("recorded_at", Comparison::Less, self.to)
            .order_by("recorded_at", Direction::Ascending)
    }

    fn holds(&self, row: &EventRow) -> bool {
        (self.from..self.to).contains(&row.recorded_at)
            && self.event_type.is_none_or(|it| it == row.event_type)
    }
}

impl Shard {
    /// Which of two has the earlier row in front. As the store sorts the rows of a shard: by id within
    /// a moment, so that the order of all is always the same.
    fn compare(&self, other: &Self) -> Ordering {
        let place = |shard: &Self| shard.rows.front().map(|row| row.recorded_at);
        let key = |shard: &Self| {
            shard
                .rows
                .front()
                .map(|row| EventRow::key_of(&row.event_id))
        };
        let by_time = place(self).cmp(&place(other));
        by_time.then_with(|| key(self).cmp(&key(other)))
    }

    /// Reads on until there is a row, or nothing more.
    async fn fill(
        &mut self,
        asked: &RecordedBetween<'_>,
        documents: &dyn Documents,
    ) -> Result<(), ReadError> {
        while self.rows.is_empty()
            && let Some(page) = self.pages.next(documents).await?
        {
            let rows = page.iter().map(EventRow::from_document);
            self.rows = rows.collect::<Result<_, _>>()?;
            self.rows.retain(|row| asked.holds(row));
        }
        Ok(())
    }
}
