//! `order.created`: the order can be found.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::order::OrderCreated;
use fanout_events::Envelope;

use crate::index::{Entry, SearchIndex};

/// Indexes an order by its id, its customer, its products and its total.
pub(crate) struct IndexOrder(pub(crate) Arc<dyn SearchIndex>);

#[async_trait]
impl StoreEffect<OrderCreated> for IndexOrder {
    async fn plan(&self, event: &Envelope<OrderCreated>, _: &View<'_>) -> Result<Plan, Failure> {
        Ok(Plan::Apply(self.0.put(&entry(&event.data)).into()))
    }
}

fn entry(order: &OrderCreated) -> Entry {
    let items = order.items.iter();
    let items = items.map(|item| format!("{} x product {}", item.quantity, item.product_id));
    let items: Vec<String> = items.collect();
    Entry {
        kind: "order".to_owned(),
        id: order.order_id.clone(),
        text: format!(
            "order {} of {}: {}; {} {}",
            order.order_id,
            order.user_id,
            items.join(", "),
            order.total,
            order.currency,
        ),
    }
}
