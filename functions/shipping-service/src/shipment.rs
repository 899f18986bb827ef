//! What was shipped for an order.

use fanout_store::{
    Collection, Comparison, Fields, Key, MalformedDocument, Query, Write, ascending,
};
use serde::Serialize;

/// The collection of shipments.
pub const SHIPMENTS: &Collection = &Collection::named("shipments")
    .indexes(&[&[ascending("order_id")]])
    .no_automatic_indexes();

/// A shipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Shipment {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) status: String,
}

impl Shipment {
    /// One that is on its way.
    pub(crate) fn created(id: &str, order_id: &str) -> Self {
        Self {
            id: id.to_owned(),
            order_id: order_id.to_owned(),
            status: "created".to_owned(),
        }
    }

    pub(crate) fn of_order(order_id: &str) -> Query {
        Query::of(SHIPMENTS).only("order_id", Comparison::Equal, order_id)
    }

    pub(crate) fn create(&self) -> Write {
        let fields = Fields::new()
            .with("id", self.id.as_str())
            .with("order_id", self.order_id.as_str())
            .with("status", self.status.as_str());
        Write::create(Key::new(SHIPMENTS, &self.id), fields)
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            id: fields.text("id")?.to_owned(),
            order_id: fields.text("order_id")?.to_owned(),
            status: fields.text("status")?.to_owned(),
        })
    }
}
