//! `shipment.created`: an order is on its way: its items have left the stock.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{MOST_LINES, ProductLine};

/// The data of `shipment.created` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ShipmentCreated {
    /// The shipment's id; the event's subject too.
    pub shipment_id: String,
    /// The order.
    pub order_id: String,
    /// What of it.
    #[schemars(length(min = 1, max = MOST_LINES))]
    pub items: Vec<ProductLine>,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ShipmentCreated {
    const TYPE: &'static str = "shipment.created";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/shipment-created/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            shipment_id: data.identifier("shipment_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            items: ProductLine::read_all(data)?,
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("shipment_id", &self.shipment_id))
    }
}

impl OfStep for ShipmentCreated {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
