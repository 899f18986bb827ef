//! `inventory.reservation_requested`: the request to reserve an order's items, all or none.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{MOST_LINES, ProductLine};

/// The data of `inventory.reservation_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ReservationRequested {
    /// The order.
    pub order_id: String,
    /// What of it.
    #[schemars(length(min = 1, max = MOST_LINES))]
    pub items: Vec<ProductLine>,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ReservationRequested {
    const TYPE: &'static str = "inventory.reservation_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/inventory-reservation-requested/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            items: ProductLine::read_all(data)?,
            step: StepRef::read(data)?,
        })
    }
}

impl OfStep for ReservationRequested {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
