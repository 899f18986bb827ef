//! `mail.confirmation_requested`: the request to tell by mail that an order is confirmed.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// The data of `mail.confirmation_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ConfirmationRequested {
    /// The order.
    pub order_id: String,
    /// Who placed it, and gets the mail where an address is known.
    pub user_id: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// What it cost.
    pub total: Money,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ConfirmationRequested {
    const TYPE: &'static str = "mail.confirmation_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/mail-confirmation-requested/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            user_id: data.identifier("user_id")?.to_owned(),
            currency,
            total: Money::read(data, "total", currency)?,
            step: StepRef::read(data)?,
        })
    }
}

impl OfStep for ConfirmationRequested {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
