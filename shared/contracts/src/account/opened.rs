//! `account.opened`: an account was opened.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Currency;

/// The data of `account.opened` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AccountOpened {
    /// The account's id; the event's subject too.
    pub account_id: String,
    /// Whose it is.
    pub owner: String,
    /// The account's currency.
    pub currency: Currency,
}

impl EventType for AccountOpened {
    const TYPE: &'static str = "account.opened";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/account-opened/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        let currency: Currency = data.parse("currency", str::parse)?;
        Ok(Self {
            account_id: data.identifier("account_id")?.to_owned(),
            owner: data.identifier("owner")?.to_owned(),
            currency,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("account_id", &self.account_id))
    }
}
