//! `account.withdrawn`: money left an account.

use chrono::{DateTime, Utc};
use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// The data of `account.withdrawn` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Withdrawn {
    /// The account's id; the event's subject too.
    pub account_id: String,
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

impl EventType for Withdrawn {
    const TYPE: &'static str = "account.withdrawn";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/account-withdrawn/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            account_id: data.identifier("account_id")?.to_owned(),
            currency,
            amount: Money::read(data, "amount", currency)?,
            effective_at: super::effective_at::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("account_id", &self.account_id))
    }
}
