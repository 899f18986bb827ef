//! `account.transfer_received`: money came into an account from another one of the bank.

use chrono::{DateTime, Utc};
use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// The data of `account.transfer_received` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct TransferReceived {
    /// The account's id; the event's subject too.
    pub account_id: String,
    /// The transfer's id, the same on both sides.
    pub transfer_id: String,
    /// The account that sent it.
    pub from: String,
    /// The account's currency.
    pub currency: Currency,
    /// How much.
    pub amount: Money,
    /// From when on it counts by value date, if not from its recording on.
    #[serde(
        serialize_with = "super::effective_at::write",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub effective_at: Option<DateTime<Utc>>,
}

impl EventType for TransferReceived {
    const TYPE: &'static str = "account.transfer_received";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/account-transfer-received/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            account_id: data.identifier("account_id")?.to_owned(),
            transfer_id: data.identifier("transfer_id")?.to_owned(),
            from: data.identifier("from")?.to_owned(),
            currency,
            amount: Money::read(data, "amount", currency)?,
            effective_at: super::effective_at::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("account_id", &self.account_id))
    }
}
