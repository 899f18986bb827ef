//! All streams, by their first events: how they are called.

use std::collections::BTreeSet;

use fanout_outbox::{EVENTS, EventRow, SHARDS};
use fanout_store::{Comparison, Direction, Documents, Query};
use futures_util::future::try_join_all;

use crate::LoadError;

/// The names of all streams whose first event has one type, as far as they have been found.
pub(crate) struct Listing(Vec<Shard>);

struct Shard {
    names: Vec<String>,
    /// Asks for the next page; `None` behind the last.
    rest: Option<Query>,
}

impl Listing {
    /// Nothing has been found yet.
    pub(crate) fn of(first: &str) -> Self {
        let shards = (0..SHARDS).map(|shard| {
            let query = Query::of(EVENTS)
                .only("type", Comparison::Equal, first)
                .only("shard", Comparison::Equal, shard)
                .order_by("recorded_at", Direction::Ascending);
            Shard {
                names: Vec::new(),
                rest: Some(query),
            }
        });
        Self(shards.collect())
    }

    /// Finds what is left, and answers all names in their order. A call that fails or is dropped on
    /// its way is gone on with by the next.
    pub(crate) async fn finish(
        &mut self,
        documents: &dyn Documents,
    ) -> Result<BTreeSet<&str>, LoadError> {
        let shards = self.0.iter_mut().map(|shard| shard.finish(documents));
        try_join_all(shards).await?;
        let names = self.0.iter().flat_map(|shard| &shard.names);
        Ok(names.map(String::as_str).collect())
    }
}

/// The names of all streams whose last event goes to this topic. A [`Listing`] passes over a stream
/// whose first event is not as it was written, and this over one whose last is not. One query for each.
pub(crate) async fn all_streams(
    documents: &dyn Documents,
    topic: &str,
) -> Result<BTreeSet<String>, LoadError> {
    let mut names = BTreeSet::new();
    let mut last = String::new();
    loop {
        let next = Query::of(EVENTS)
            .only("stream", Comparison::Greater, last.as_str())
            .order_by("stream", Direction::Ascending)
            .order_by("sequence", Direction::Descending)
            .limit(1);
        let page = documents.query(&next).await?;
        let Some(document) = page.documents.first() else {
            return Ok(names);
        };
        last = document.fields.text("stream")?.to_owned();
        let is_of_topic = document.fields.text("topic") == Ok(topic);
        let sequence = document.fields.count("sequence").unwrap_or_default();
        let in_its_place = document.key.id() == EventRow::lasting_id(&last, sequence);
        if in_its_place && is_of_topic {
            names.insert(last.clone());
        }
    }
}

impl Shard {
    async fn finish(&mut self, documents: &dyn Documents) -> Result<(), LoadError> {
        while let Some(query) = &self.rest {
            let page = documents.query(query).await?;
            for document in &page.documents {
                self.names.push(document.fields.text("subject")?.to_owned());
            }
            self.rest = page.next.map(|next| query.clone().after(next));
        }
        Ok(())
    }
}
