//! `account.movement_reversed`: an earlier movement was undone, which stays as it was.

use chrono::{DateTime, Utc};
use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Currency, Money};

/// Which way the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into the account.
    In,
    /// Out of it.
    Out,
}

impl Direction {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "in" => Ok(Self::In),
            "out" => Ok(Self::Out),
            _ => Err("must be `in` or `out`"),
        }
    }
}

/// The data of `account.movement_reversed` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct MovementReversed {
    /// The account's id; the event's subject too.
    pub account_id: String,
    /// The place of the earlier movement among the account's events.
    #[schemars(range(min = 1))]
    pub sequence: u64,
    /// Whether that brings money into the account or takes it out.
    pub direction: Direction,
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

impl EventType for MovementReversed {
    const TYPE: &'static str = "account.movement_reversed";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/account-movement-reversed/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            account_id: data.identifier("account_id")?.to_owned(),
            sequence: data.count("sequence")?,
            direction: data.parse("direction", Direction::parse)?,
            currency,
            amount: Money::read(data, "amount", currency)?,
            effective_at: super::effective_at::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("account_id", &self.account_id))
    }
}
