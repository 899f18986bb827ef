//! `payment.refund_requested`: the request to undo a charge, whether or not it was made.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// The data of `payment.refund_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct RefundRequested {
    /// The order.
    pub order_id: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How much was to be captured: all of it goes back.
    pub amount: Money,
    /// How it was to be paid: a token of the payment provider.
    pub payment_method: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for RefundRequested {
    const TYPE: &'static str = "payment.refund_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/payment-refund-requested/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            currency,
            amount: Money::read(data, "amount", currency)?,
            payment_method: data.identifier("payment_method")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }
}

impl OfStep for RefundRequested {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
