//! `user.created`: one more sign-up on its day.

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_store::{Collection, Fields, Key, Write, ascending};
use sha2::{Digest, Sha256};

use crate::shards::Shards;

/// The collection of counts: a document for each day and shard.
pub const SIGNUPS: &Collection = &Collection::named("signups")
    .indexes(&[&[ascending("date")]])
    .no_automatic_indexes();
/// The collection of counts by source: a document for each day, shard and source. Apart from
/// [`SIGNUPS`], so that a caller who invents sources does not make the usual question slow.
pub const SIGNUPS_BY_SOURCE: &Collection = &Collection::named("signups_by_source")
    .indexes(&[&[ascending("date")]])
    .no_automatic_indexes();

/// Counts a sign-up on the UTC day of the event's own time, whenever it is delivered.
pub struct RecordSignup {
    /// How many documents share a day's count.
    pub shards: Shards,
}

#[async_trait]
impl StoreEffect<UserCreated> for RecordSignup {
    async fn plan(&self, event: &Envelope<UserCreated>, _: &View<'_>) -> Result<Plan, Failure> {
        Ok(Plan::Apply(self.one_more(event).into()))
    }
}

impl RecordSignup {
    fn one_more(&self, event: &Envelope<UserCreated>) -> Vec<Write> {
        let date = date_id(event.timestamp.date_naive());
        let day = Fields::new().with("date", date.as_str());
        // The shard comes first: ids that all start alike would lie on one server.
        let shard = format!("{}_{date}", self.shards.shard_of(&event.id));
        let source = event.source.as_str();
        let of_source = format!("{shard}_{}", source_id(source));
        let counts = [
            Write::merge(Key::new(SIGNUPS, &shard), day.clone()),
            Write::merge(
                Key::new(SIGNUPS_BY_SOURCE, &of_source),
                day.with("source", source),
            ),
        ];
        counts.map(|write| write.increment("count", 1)).into()
    }
}

/// A source as part of a document's id, whatever text it is: half of a SHA-256.
fn source_id(source: &str) -> String {
    let mut digest = hex::encode(Sha256::digest(source));
    digest.truncate(32);
    digest
}

/// `2026-11-20`: sorts as text.
pub(crate) fn date_id(date: NaiveDate) -> String {
    date.format("%Y-%m-%d").to_string()
}
