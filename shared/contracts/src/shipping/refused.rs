//! `shipment.refused`: an order is not shipped.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::order::OrderCreated;

/// The data of `shipment.refused` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ShipmentRefused {
    /// The shipment's id; the event's subject too.
    pub shipment_id: String,
    /// The order.
    pub order_id: String,
    /// Why: a slug such as `country_not_served`.
    pub reason: String,
    /// What was ordered, for whoever reacts to this unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<OrderCreated>>,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ShipmentRefused {
    const TYPE: &'static str = "shipment.refused";
    const VERSION: &'static str = "1.1";
    const SCHEMA: &'static str = "https://schemas.example.com/shipment-refused/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            shipment_id: data.identifier("shipment_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            reason: data.identifier("reason")?.to_owned(),
            order: OrderCreated::carried(data)?,
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("shipment_id", &self.shipment_id))
    }

    fn flow(&self) -> Option<&'static str> {
        crate::order::flow_of(&self.step)
    }
}

impl OfStep for ShipmentRefused {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
