//! `inventory.refused`: an order's items are not reserved, none of them.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `inventory.refused` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ReservationRefused {
    /// The reservation's id; the event's subject too.
    pub reservation_id: String,
    /// The order.
    pub order_id: String,
    /// Why: `out_of_stock`, `unknown_product`, or `cancelled` where the undo came first.
    pub reason: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ReservationRefused {
    const TYPE: &'static str = "inventory.refused";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/inventory-refused/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            reservation_id: data.identifier("reservation_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            reason: data.identifier("reason")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("reservation_id", &self.reservation_id))
    }
}

impl OfStep for ReservationRefused {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
