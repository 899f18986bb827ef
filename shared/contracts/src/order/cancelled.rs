//! `order.cancelled`: an order was given up, and all that was done for it undone.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// The data of `order.cancelled` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct OrderCancelled {
    /// The order's id; the event's subject too.
    pub order_id: String,
    /// Who placed it.
    pub user_id: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What it would have cost.
    pub total: Money,
    /// Why: a slug such as `out_of_stock`.
    pub reason: String,
}

impl EventType for OrderCancelled {
    const TYPE: &'static str = "order.cancelled";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/order-cancelled/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            user_id: data.identifier("user_id")?.to_owned(),
            currency,
            total: Money::read(data, "total", currency)?,
            reason: data.identifier("reason")?.to_owned(),
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("order_id", &self.order_id))
    }
}
