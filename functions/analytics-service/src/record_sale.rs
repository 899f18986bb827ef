//! `order.confirmed`: one more order on its day, and what it brought in.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::order::OrderConfirmed;
use fanout_events::Envelope;
use fanout_store::{Collection, Fields, Key, Write, ascending};

use crate::record_signup::date_id;
use crate::shards::Shards;

/// The collection of sales: a document for each day, currency and shard.
pub const SALES: &Collection = &Collection::named("sales")
    .indexes(&[&[ascending("date")]])
    .no_automatic_indexes();

/// Counts an order on the UTC day of its confirmation, whenever that is delivered.
pub(crate) struct RecordSale {
    /// How many documents share a day's count.
    pub(crate) shards: Shards,
}

#[async_trait]
impl StoreEffect<OrderConfirmed> for RecordSale {
    async fn plan(&self, event: &Envelope<OrderConfirmed>, _: &View<'_>) -> Result<Plan, Failure> {
        let date = date_id(event.timestamp.date_naive());
        let (currency, total) = (event.data.currency.code(), event.data.total.minor());
        // The shard comes first: ids that all start alike would lie on one server.
        let shard = self.shards.shard_of(&event.id);
        let key = Key::new(SALES, &format!("{shard}_{date}_{currency}"));
        let day = Fields::new()
            .with("date", date.as_str())
            .with("currency", currency);
        let total = i64::try_from(total).map_err(Failure::retry)?;
        let count = Write::merge(key, day)
            .increment("orders", 1)
            .increment("minor", total);
        Ok(Plan::Apply(vec![count].into()))
    }
}
