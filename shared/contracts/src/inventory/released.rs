//! `inventory.released`: nothing is reserved for an order any more.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `inventory.released` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Released {
    /// The reservation's id; the event's subject too.
    pub reservation_id: String,
    /// The order.
    pub order_id: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for Released {
    const TYPE: &'static str = "inventory.released";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/inventory-released/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            reservation_id: data.identifier("reservation_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("reservation_id", &self.reservation_id))
    }
}

impl OfStep for Released {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
