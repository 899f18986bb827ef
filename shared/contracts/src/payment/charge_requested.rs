//! `payment.charge_requested`: the request to capture what an order costs.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// The data of `payment.charge_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ChargeRequested {
    /// The order.
    pub order_id: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// How much.
    pub amount: Money,
    /// How it is paid: a token of the payment provider.
    pub payment_method: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ChargeRequested {
    const TYPE: &'static str = "payment.charge_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/payment-charge-requested/v1";
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

impl OfStep for ChargeRequested {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
