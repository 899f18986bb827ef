//! Streams in a store: reading them.

use std::sync::Arc;

use fanout_outbox::{EVENTS, EventRow, Outbox};
use fanout_runtime::{Clock, IdGenerator};
use fanout_store::{Comparison, Direction, Documents, Query};

use crate::loaded::{LoadError, Loaded};
use crate::turns::Turns;
use crate::{Aggregate, snapshot};

/// The streams of a service.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) turns: Turns,
}

impl Ledger {
    /// The streams whose events this outbox stores.
    pub fn new(
        documents: Arc<dyn Documents>,
        outbox: Outbox,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdGenerator>,
    ) -> Self {
        Self {
            documents,
            outbox,
            clock,
            ids,
            turns: Turns::default(),
        }
    }

    /// A stream as it is now: one query, back to the nearest snapshot.
    pub async fn load<A: Aggregate>(&self, stream: &str) -> Result<Loaded<A>, LoadError> {
        let latest_first = of(stream).order_by("sequence", Direction::Descending);
        self.fold(stream, latest_first).await
    }

    /// The state after a query's first event, which finds the stream's events latest first.
    pub(crate) async fn fold<A: Aggregate>(
        &self,
        stream: &str,
        mut query: Query,
    ) -> Result<Loaded<A>, LoadError> {
        let (mut rows, mut loaded) = (Vec::new(), Loaded::nothing(stream));
        'back: loop {
            let page = self.documents.query(&query).await?;
            for document in &page.documents {
                let row = EventRow::from_document(document)?;
                if let Some(state) = snapshot::state(&row) {
                    loaded = Loaded::at(&row, state)?;
                    break 'back;
                }
                rows.push(row);
            }
            match page.next {
                Some(next) => query = query.after(next),
                None => break,
            }
        }
        rows.iter().rev().try_fold(loaded, Loaded::then)
    }
}

/// The events of a stream.
pub(crate) fn of(stream: &str) -> Query {
    Query::of(EVENTS).only("stream", Comparison::Equal, stream)
}
