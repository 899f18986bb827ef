//! `shipping.shipment_requested`: the request to ship an order.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{MOST_LINES, ProductLine};

/// The data of `shipping.shipment_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ShipmentRequested {
    /// The order.
    pub order_id: String,
    /// What of it.
    #[schemars(length(min = 1, max = MOST_LINES))]
    pub items: Vec<ProductLine>,
    /// Where to: a country's code of two letters.
    pub country: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ShipmentRequested {
    const TYPE: &'static str = "shipping.shipment_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/shipping-shipment-requested/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            items: ProductLine::read_all(data)?,
            country: data.identifier("country")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }
}

impl OfStep for ShipmentRequested {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
