//! The record of a mail: no address in it, only ids.

use fanout_events::Event;
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_store::{Fields, Key, MalformedDocument, Write};
use serde::Serialize;

/// The collection of records.
pub const EMAILS: &str = "emails";

/// One mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SentEmail {
    event_id: String,
    user_id: String,
    template: String,
    status: String,
    #[serde(serialize_with = "serialize_rfc3339")]
    sent_at: Timestamp,
}

impl SentEmail {
    pub(crate) fn welcome(event: &Event, sent_at: Timestamp) -> Self {
        Self {
            event_id: event.id.clone(),
            user_id: event.subject.clone(),
            template: "welcome".to_owned(),
            status: "sent".to_owned(),
            sent_at,
        }
    }

    /// Remembers the mail; committed together with the mark.
    pub(crate) fn write(&self) -> Write {
        let fields = Fields::new()
            .with("event_id", self.event_id.as_str())
            .with("user_id", self.user_id.as_str())
            .with("template", self.template.as_str())
            .with("status", self.status.as_str())
            .with("sent_at", self.sent_at);
        Write::set(Key::new(EMAILS, &self.event_id), fields)
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            event_id: fields.text("event_id")?.to_owned(),
            user_id: fields.text("user_id")?.to_owned(),
            template: fields.text("template")?.to_owned(),
            status: fields.text("status")?.to_owned(),
            sent_at: fields.timestamp("sent_at")?,
        })
    }
}
