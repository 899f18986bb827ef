//! `order.withdrawn`: an order is to come to nothing, unless it was shipped: whoever did something for
//! it takes that back, the last one first.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use super::OrderCreated;

/// The data of `order.withdrawn` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct OrderWithdrawn {
    /// The order's id.
    pub order_id: String,
    /// Why: a slug such as `timed_out`.
    pub reason: String,
    /// What was ordered.
    pub order: OrderCreated,
    /// The step that must not be done any more.
    pub step: StepRef,
}

impl EventType for OrderWithdrawn {
    const TYPE: &'static str = "order.withdrawn";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/order-withdrawn/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            reason: data.identifier("reason")?.to_owned(),
            order: OrderCreated::read(&JsonFields::new("data.order.", data.object("order")?))?,
            step: StepRef::read(data)?,
        })
    }

    fn flow(&self) -> Option<&'static str> {
        super::flow_of(&self.step)
    }
}

impl OfStep for OrderWithdrawn {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
