//! `inventory.reserved`: an order's items are reserved.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::order::OrderCreated;
use crate::{MOST_LINES, ProductLine};

/// The data of `inventory.reserved` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Reserved {
    /// The reservation's id; the event's subject too.
    pub reservation_id: String,
    /// The order.
    pub order_id: String,
    /// What of it.
    #[schemars(length(min = 1, max = MOST_LINES))]
    pub items: Vec<ProductLine>,
    /// What was ordered, for whoever reacts to this unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<OrderCreated>>,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for Reserved {
    const TYPE: &'static str = "inventory.reserved";
    const VERSION: &'static str = "1.1";
    const SCHEMA: &'static str = "https://schemas.example.com/inventory-reserved/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            reservation_id: data.identifier("reservation_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            items: ProductLine::read_all(data)?,
            order: OrderCreated::carried(data)?,
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("reservation_id", &self.reservation_id))
    }

    fn flow(&self) -> Option<&'static str> {
        crate::order::flow_of(&self.step)
    }
}

impl OfStep for Reserved {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
