//! Which payment intent belongs to which step.

use std::sync::Arc;

use fanout_store::{
    Collection, CommitError, Documents, Fields, Key, MalformedDocument, Precondition, Write,
};

use crate::provider::ProviderError;

/// The collection of intents, by the key of what is to be captured. No service of the shop reads it.
pub const STRIPE_INTENTS: &Collection = &Collection::named("stripe_intents").no_automatic_indexes();

/// The intents, in the store of the service.
pub(super) struct Intents {
    pub(super) documents: Arc<dyn Documents>,
}

/// What is known of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// The one intent that may be confirmed for it.
    pub(super) intent: Option<String>,
    /// Nothing is to be captured for it any more.
    pub(super) closed: bool,
}

/// Others write the same document; which intent will stand is not known.
#[derive(Debug, thiserror::Error)]
#[error("the payment intent could not be kept")]
struct NotKept;

impl Intents {
    pub(super) async fn find(&self, key: &str) -> Result<Option<Record>, ProviderError> {
        Ok(self.read(key).await?.map(|(record, _)| record))
    }

    /// Keeps an intent as that of the step, unless there is one; gives what stands.
    pub(super) async fn keep(&self, key: &str, intent: String) -> Result<Record, ProviderError> {
        let record = Record {
            intent: Some(intent),
            closed: false,
        };
        if self.put(key, Precondition::Absent, &record).await? {
            return Ok(record);
        }
        let kept = self.find(key).await?;
        kept.ok_or_else(|| unavailable(NotKept))
    }

    /// Sees to it that no try begins to confirm anything for the step; gives the intent that one may
    /// have confirmed.
    pub(super) async fn close(&self, key: &str) -> Result<Option<String>, ProviderError> {
        loop {
            let (record, version) = match self.read(key).await? {
                Some((Record { intent, closed }, _)) if closed => return Ok(intent),
                Some((Record { intent, .. }, version)) => (
                    Record {
                        intent,
                        closed: true,
                    },
                    version,
                ),
                None => (
                    Record {
                        intent: None,
                        closed: true,
                    },
                    Precondition::Absent,
                ),
            };
            if self.put(key, version, &record).await? {
                return Ok(record.intent);
            }
        }
    }

    async fn read(&self, key: &str) -> Result<Option<(Record, Precondition)>, ProviderError> {
        let found = self.documents.get(&document(key)).await;
        let Some(document) = found.map_err(unavailable)? else {
            return Ok(None);
        };
        let record = Record::from_fields(&document.fields).map_err(unavailable)?;
        Ok(Some((
            record,
            Precondition::UpdatedAt(document.update_time),
        )))
    }

    /// Whether it took the place of what was read; if not, another call came between.
    async fn put(
        &self,
        key: &str,
        version: Precondition,
        record: &Record,
    ) -> Result<bool, ProviderError> {
        let write = Write::set(document(key), record.to_fields()).only_if(version);
        match self.documents.commit(vec![write]).await {
            Ok(_) => Ok(true),
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => Ok(false),
            Err(CommitError::Store(error)) => Err(unavailable(error)),
        }
    }
}

fn document(key: &str) -> Key {
    Key::new(STRIPE_INTENTS, key)
}

fn unavailable(cause: impl Into<fanout_runtime::BoxError>) -> ProviderError {
    ProviderError::Unavailable(cause.into())
}

impl Record {
    fn to_fields(&self) -> Fields {
        let fields = Fields::new().with("closed", self.closed);
        match &self.intent {
            Some(intent) => fields.with("intent", intent.as_str()),
            None => fields,
        }
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        Ok(Self {
            intent: fields.optional_text("intent")?.map(str::to_owned),
            closed: fields.flag("closed")?,
        })
    }
}
