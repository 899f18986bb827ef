//! Where a list of processes was cut off, as a text that callers pass back and need not understand.

use std::fmt;

use fanout_processes::Status;
use fanout_runtime::Timestamp;
use fanout_store::{Cursor, Document, Value};
use fanout_web::{InvalidPageToken, open_page_token, page_token_time, seal_page_token};

/// Says that the rest is ours, and how it is made.
const PREFIX: &str = "processes/1/";

/// The last process that was shown of a status: when it changed, and its document's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageToken {
    pub(crate) status: Status,
    updated_at: Timestamp,
    id: String,
}

impl PageToken {
    /// The page that comes after this document of a list by status: it is there by its time of change,
    /// whatever else of it can be read.
    pub(crate) fn after(last: &Document, status: Status) -> Self {
        let updated_at = last.fields.timestamp("updated_at");
        Self {
            status,
            updated_at: updated_at.unwrap_or_default(),
            id: last.key.id().to_owned(),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPageToken> {
        let rest = open_page_token(PREFIX, text)?;
        let mut parts = rest.splitn(3, '/');
        let mut part = || parts.next().ok_or(InvalidPageToken);
        let (status, time, id) = (part()?, part()?, part()?);
        let status = Status::parse(status).ok_or(InvalidPageToken)?;
        let updated_at = page_token_time(time)?;
        if id.is_empty() || id.contains('/') {
            return Err(InvalidPageToken);
        }
        Ok(Self {
            status,
            updated_at,
            id: id.to_owned(),
        })
    }

    /// Where a query by time goes on.
    pub(crate) fn into_cursor(self) -> Cursor {
        Cursor {
            values: vec![Value::from(self.updated_at)],
            id: self.id,
        }
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, time) = (self.status.as_str(), self.updated_at.timestamp_millis());
        let rest = format!("{status}/{time}/{}", self.id);
        out.write_str(&seal_page_token(PREFIX, &rest))
    }
}
