//! `payment.captured`: what an order costs was captured.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::order::OrderCreated;
use crate::{Currency, Money};

/// The data of `payment.captured` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Captured {
    /// The payment's id; the event's subject too.
    pub payment_id: String,
    /// The order.
    pub order_id: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How much.
    pub amount: Money,
    /// What was ordered, for whoever reacts to this unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Box<OrderCreated>>,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for Captured {
    const TYPE: &'static str = "payment.captured";
    const VERSION: &'static str = "1.1";
    const SCHEMA: &'static str = "https://schemas.example.com/payment-captured/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            payment_id: data.identifier("payment_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            currency,
            amount: Money::read(data, "amount", currency)?,
            order: OrderCreated::carried(data)?,
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

impl OfStep for Captured {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
