//! A provider of our own, for tests and for one machine: it takes no real money, and keeps a ledger
//! like one that does.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_store::{
    Collection, CommitError, Document, Documents, Fields, Key, Precondition, Write,
};

use crate::provider::{Capture, Charge, PaymentProvider, ProviderError, TakenBack};

/// The test provider's own ledger, by key. No service of the shop reads it.
pub const TEST_CHARGES: &Collection = &Collection::named("test_charges").no_automatic_indexes();

/// How long `tok_slow` takes.
const SLOW: Duration = Duration::from_secs(1);
/// How many calls of a key fail with `tok_flaky`.
const FLAKY_CALLS: u64 = 2;

/// Decides by the token: `tok_ok` and `tok_slow` are captured, `tok_flaky` after two calls that fail,
/// `tok_silent` never answers, and everything else is declined.
pub struct TestProvider {
    documents: Arc<dyn Documents>,
}

/// What `tok_flaky` says at first.
#[derive(Debug, thiserror::Error)]
#[error("the test provider was asked to fail")]
struct AskedToFail;

/// A row of the ledger that is none.
#[derive(Debug, thiserror::Error)]
#[error("the test provider's ledger cannot be read")]
struct Unreadable;

/// What a key holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    /// It was asked for, and failed so many times.
    Failed(u64),
    Captured,
    Declined,
    Refunded,
    /// Nothing was captured, and nothing will be.
    Closed,
}

/// A row, as it was read.
struct Found {
    row: Row,
    version: Precondition,
}

#[async_trait]
impl PaymentProvider for TestProvider {
    async fn capture(&self, key: &str, charge: &Charge) -> Result<Capture, ProviderError> {
        match charge.method.as_str() {
            "tok_slow" => tokio::time::sleep(SLOW).await,
            "tok_silent" => pending().await,
            _ => {}
        }
        loop {
            let found = self.find(key).await?;
            let next = match found.row {
                Row::Captured => return Ok(Capture::Captured),
                Row::Declined | Row::Refunded | Row::Closed => return Ok(Capture::Declined),
                Row::Failed(calls) => next_row(calls, &charge.method),
            };
            if self.put(key, &found, next, Some(charge)).await? && matches!(next, Row::Failed(_)) {
                return Err(ProviderError::Unavailable(AskedToFail.into()));
            }
        }
    }

    async fn take_back(
        &self,
        captured: &str,
        _: &str,
        _: &Charge,
    ) -> Result<TakenBack, ProviderError> {
        loop {
            let found = self.find(captured).await?;
            let next = match found.row {
                Row::Refunded => return Ok(TakenBack::Refunded),
                Row::Closed | Row::Declined => return Ok(TakenBack::NothingCaptured),
                Row::Captured => Row::Refunded,
                Row::Failed(_) => Row::Closed,
            };
            self.put(captured, &found, next, None).await?;
        }
    }
}

/// What a charge comes to whose key has failed so often.
fn next_row(calls: u64, method: &str) -> Row {
    match method {
        "tok_flaky" if calls < FLAKY_CALLS => Row::Failed(calls + 1),
        "tok_ok" | "tok_slow" | "tok_flaky" => Row::Captured,
        _ => Row::Declined,
    }
}

impl TestProvider {
    /// With its ledger in this store.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents }
    }

    async fn find(&self, key: &str) -> Result<Found, ProviderError> {
        let document = self.documents.get(&ledger_key(key)).await;
        match document.map_err(unavailable)? {
            Some(document) => Ok(Found {
                row: Row::of(&document).ok_or_else(|| unavailable(Unreadable))?,
                version: Precondition::UpdatedAt(document.update_time),
            }),
            None => Ok(Found {
                row: Row::Failed(0),
                version: Precondition::Absent,
            }),
        }
    }

    /// Whether the row took the place of the one that was found; if not, another call came between.
    async fn put(
        &self,
        key: &str,
        found: &Found,
        row: Row,
        charge: Option<&Charge>,
    ) -> Result<bool, ProviderError> {
        let mut fields = row.to_fields();
        if let Some(Charge { amount, .. }) = charge {
            fields.set("amount", amount.to_string());
            fields.set("currency", amount.currency().code());
        }
        let write = Write::merge(ledger_key(key), fields).only_if(found.version);
        match self.documents.commit(vec![write]).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => Ok(false),
            Err(CommitError::Store(error)) => Err(unavailable(error)),
        }
    }
}

fn ledger_key(key: &str) -> Key {
    Key::new(TEST_CHARGES, key)
}

fn unavailable(cause: impl Into<fanout_runtime::BoxError>) -> ProviderError {
    ProviderError::Unavailable(cause.into())
}

impl Row {
    fn to_fields(self) -> Fields {
        let fields = Fields::new();
        match self {
            Self::Failed(calls) => fields.with("state", "failed").with("calls", calls),
            Self::Captured => fields.with("state", "captured"),
            Self::Declined => fields.with("state", "declined"),
            Self::Refunded => fields.with("state", "refunded"),
            Self::Closed => fields.with("state", "closed"),
        }
    }

    fn of(document: &Document) -> Option<Self> {
        let fields = &document.fields;
        match fields.text("state").ok()? {
            "failed" => fields.count("calls").ok().map(Self::Failed),
            "captured" => Some(Self::Captured),
            "declined" => Some(Self::Declined),
            "refunded" => Some(Self::Refunded),
            "closed" => Some(Self::Closed),
            _ => None,
        }
    }
}
