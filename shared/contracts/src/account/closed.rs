//! `account.closed`: an account was closed; nothing was on it.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `account.closed` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct AccountClosed {
    /// The account's id; the event's subject too.
    pub account_id: String,
}

impl EventType for AccountClosed {
    const TYPE: &'static str = "account.closed";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/account-closed/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            account_id: data.identifier("account_id")?.to_owned(),
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("account_id", &self.account_id))
    }
}
