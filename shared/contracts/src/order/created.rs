//! `order.created`: an order was placed: the fact that everything may react to.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::OrderItem;
use crate::{Currency, MOST_LINES, Money, ProductLine};

/// The data of `order.created` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct OrderCreated {
    /// The order's id; the event's subject too.
    pub order_id: String,
    /// Who placed it.
    pub user_id: String,
    /// What was ordered.
    #[schemars(length(min = 1, max = MOST_LINES))]
    pub items: Vec<OrderItem>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What all items cost together.
    pub total: Money,
    /// How it is paid: a token of the payment provider.
    pub payment_method: String,
    /// Where it is shipped to: a country's code of two letters.
    pub country: String,
    /// The first step, where participants react to this fact and to each other's, and none is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepRef>,
}

impl OrderCreated {
    /// How many of each product.
    pub fn lines(&self) -> Vec<ProductLine> {
        self.items.iter().map(OrderItem::line).collect()
    }

    /// The order that a fact carries for whoever reacts to it.
    pub(crate) fn carried(data: &JsonFields<'_>) -> Result<Option<Box<Self>>, DecodeError> {
        if data.get("order").is_none_or(Value::is_null) {
            return Ok(None);
        }
        let order = JsonFields::new("data.order.", data.object("order")?);
        Self::read(&order).map(|order| Some(Box::new(order)))
    }

    pub(super) fn read(data: &JsonFields<'_>) -> Result<Self, DecodeError> {
        let currency: Currency = data.parse("currency", str::parse)?;
        let step = data.get("step").filter(|step| !step.is_null());
        let step = step.map(|_| StepRef::read(data)).transpose()?;
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            user_id: data.identifier("user_id")?.to_owned(),
            items: OrderItem::read_all(data, currency)?,
            currency,
            total: Money::read(data, "total", currency)?,
            payment_method: data.identifier("payment_method")?.to_owned(),
            country: data.identifier("country")?.to_owned(),
            step,
        })
    }
}

impl EventType for OrderCreated {
    const TYPE: &'static str = "order.created";
    const VERSION: &'static str = "1.1";
    const SCHEMA: &'static str = "https://schemas.example.com/order-created/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Self::read(data)
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("order_id", &self.order_id))
    }

    fn flow(&self) -> Option<&'static str> {
        self.step.as_ref().and_then(super::flow_of)
    }
}
