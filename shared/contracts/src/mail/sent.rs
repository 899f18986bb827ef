//! `mail.sent`: a mail that was asked for is dealt with.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `mail.sent` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct MailSent {
    /// The mail's id; the event's subject too.
    pub mail_id: String,
    /// The order.
    pub order_id: String,
    /// What became of it: `sent`, `no_address`, `failed` or `unknown`.
    pub status: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for MailSent {
    const TYPE: &'static str = "mail.sent";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/mail-sent/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            mail_id: data.identifier("mail_id")?.to_owned(),
            order_id: data.identifier("order_id")?.to_owned(),
            status: data.identifier("status")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("mail_id", &self.mail_id))
    }
}

impl OfStep for MailSent {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
