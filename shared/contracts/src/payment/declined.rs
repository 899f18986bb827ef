//! `payment.declined`: nothing was captured for an order.

use fanout_events::{
    CANCELLED, DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `payment.declined` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Declined {
    /// The payment's id; the event's subject too.
    pub payment_id: String,
    /// The order.
    pub order_id: String,
    /// Why: `declined`, or `cancelled` where the undo came first.
    pub reason: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for Declined {
    const TYPE: &'static str = "payment.declined";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/payment-declined/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            payment_id: data.identifier("payment_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            reason: data.identifier("reason")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("payment_id", &self.payment_id))
    }

    fn flow(&self) -> Option<&'static str> {
        // Where the refund came first, no participant may take it for a charge that is not kept: that
        // is so once it is refunded.
        crate::order::flow_of(&self.step).filter(|_| self.reason != CANCELLED)
    }
}

impl OfStep for Declined {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
