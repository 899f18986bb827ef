//! `payment.refunded`: nothing that was captured for an order is kept.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `payment.refunded` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Refunded {
    /// The payment's id; the event's subject too.
    pub payment_id: String,
    /// The order.
    pub order_id: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for Refunded {
    const TYPE: &'static str = "payment.refunded";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/payment-refunded/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            payment_id: data.identifier("payment_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("payment_id", &self.payment_id))
    }

    fn flow(&self) -> Option<&'static str> {
        crate::order::flow_of(&self.step)
    }
}

impl OfStep for Refunded {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
