//! Reading copies: what an operator may do, and who makes them need not.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_event_sourcing::CopyError;

/// Reads what is kept in a place of copies.
#[async_trait]
pub trait ReadCopies {
    /// All copies.
    async fn all(&self) -> Result<BTreeMap<NaiveDate, String>, CopyError>;
}
