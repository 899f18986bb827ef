//! The record of a mail: no address in it, only ids.

use fanout_consume::{End, OUTCOME_UNKNOWN};
use fanout_runtime::{Timestamp, serialize_rfc3339};
use fanout_store::{
    Collection, Comparison, Fields, Key, MalformedDocument, Query, Write, ascending,
};
use serde::{Deserialize, Serialize};

/// The collection of records.
pub const EMAILS: &Collection = &Collection::named("emails").indexes(&[
    &[ascending("user_id")],
    &[ascending("user_id"), ascending("sent_at")],
]);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SentEmail {
    pub(crate) event_id: String,
    pub(crate) user_id: String,
    pub(crate) template: String,
    pub(crate) status: EmailStatus,
    /// When it was handed over, or given up.
    #[serde(serialize_with = "serialize_rfc3339")]
    pub(crate) sent_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EmailStatus {
    /// A mail server has taken responsibility for it.
    Sent,
    /// It was refused for good; its event is parked. A redrive that succeeds makes it `Sent`.
    Failed,
    /// Two tries may have handed it over, and neither could say so; its event is parked. A redrive
    /// sends it once more.
    Unknown,
    /// Nothing was told of where the user's mails go, or the user is gone: there was no mail.
    NoAddress,
}

impl EmailStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NoAddress => "no_address",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Sent, Self::Failed, Self::Unknown, Self::NoAddress]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl<O> From<End<'_, O>> for EmailStatus {
    fn from(end: End<'_, O>) -> Self {
        match end {
            End::Done(_) => Self::Sent,
            End::Parked(OUTCOME_UNKNOWN) => Self::Unknown,
            End::Parked(_) => Self::Failed,
        }
    }
}

impl SentEmail {
    pub(crate) fn of_user(user_id: &str) -> Query {
        Query::of(EMAILS).only("user_id", Comparison::Equal, user_id)
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
        let status = EmailStatus::parse(fields.text("status")?);
        Ok(Self {
            event_id: fields.text("event_id")?.to_owned(),
            user_id: fields.text("user_id")?.to_owned(),
            template: fields.text("template")?.to_owned(),
            status: status.ok_or_else(|| MalformedDocument {
                field: "status".to_owned(),
                expected: "sent, failed, unknown or no_address",
            })?,
            sent_at: fields.timestamp("sent_at")?,
        })
    }
}
