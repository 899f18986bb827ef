//! What a consumer is: a name, the types it wants, and what it does with one event.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_events::Event;
use fanout_runtime::BoxError;
use fanout_store::{
    Document, Documents, Key, MalformedDocument, Page, Query, ReadError, StoreError, Write,
    all_documents,
};

/// A consumer. Give it to [`super::push_route()`].
#[derive(Clone)]
pub struct Consumer {
    /// Its name, part of every mark: a consumer that is renamed forgets what it has done.
    pub name: &'static str,
    /// The event types it wants; others are answered `ignored`.
    pub handles: &'static [&'static str],
    pub(super) reaction: Reaction,
}

#[derive(Clone)]
pub(super) enum Reaction {
    InStore(Arc<dyn StoreEffect>),
    Outside(Arc<dyn OutsideEffect>),
}

/// An effect that lives in the document store. Planned here, committed by the pipeline together
/// with the mark: exactly once.
#[async_trait]
pub trait StoreEffect: Send + Sync + 'static {
    /// What the event changes. Reads only; may be called again for the same event when documents
    /// changed between plan and commit ([`View::conflicts`] counts).
    async fn plan(&self, event: &Event, view: &View<'_>) -> Result<Plan, Failure>;
}

/// An effect outside the store: a mail, a call. Made under a claim, so that nobody else makes it at
/// the same time; a crash between act and mark is the one window in which it may happen twice.
#[async_trait]
pub trait OutsideEffect: Send + Sync + 'static {
    /// Acts, passing the event's id on as the idempotency key where the other side takes one.
    async fn act(
        &self,
        event: &Event,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted, Failure>;

    /// What to remember of an event that came to this end; committed together with the mark. With
    /// preconditions, if the writes depend on what was read. Reads only; called after the act, and
    /// again when documents changed between plan and commit ([`View::conflicts`] counts). The act
    /// is never repeated for that.
    async fn remember(
        &self,
        event: &Event,
        end: End,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError>;
}

/// What an [`OutsideEffect`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It has acted.
    Done,
    /// It has not, and never will: a later event of the same subject has been applied already.
    /// There is nothing to remember.
    Stale,
}

/// How an event ended of which an [`OutsideEffect`] may want to remember something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has acted.
    Done,
    /// The event is parked.
    Parked,
}

/// What a [`StoreEffect`] wants to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// These writes. With preconditions, if they depend on what was read.
    Apply(Vec<Write>),
    /// A later event of the same subject has been applied already. Nothing of this one shows, but
    /// for these writes: what even a late event may still tell, such as where it all began. Usually
    /// none.
    Stale(Vec<Write>),
}

/// Why an event could not be handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// May work later: Pub/Sub delivers again.
    #[error("the handler failed and may work later")]
    Retry {
        /// What failed; logged, never sent.
        cause: BoxError,
        /// Whether the effect may have happened all the same (outside effects only).
        may_have_acted: bool,
    },
    /// Will never work: the event is parked. `detail` is stored and shown to operators, so it must
    /// hold no personal data.
    #[error("the handler will never take this event: {detail}")]
    Park {
        /// A stable slug, such as `mailbox_refused`.
        reason: &'static str,
        /// A full sentence.
        detail: String,
    },
}

/// What an effect may see of the store. Reads only.
pub struct View<'a> {
    documents: &'a dyn Documents,
    conflicts: u32,
}

/// Facts about this try of an [`OutsideEffect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u64,
    /// Somebody may have acted before and not lived to say so.
    pub may_have_repeated: bool,
}

impl Consumer {
    /// A consumer whose effect lives in the document store.
    pub fn in_store(
        name: &'static str,
        handles: &'static [&'static str],
        effect: impl StoreEffect,
    ) -> Self {
        Self {
            name,
            handles,
            reaction: Reaction::InStore(Arc::new(effect)),
        }
    }

    /// A consumer whose effect lies outside.
    pub fn outside(
        name: &'static str,
        handles: &'static [&'static str],
        effect: impl OutsideEffect,
    ) -> Self {
        Self {
            name,
            handles,
            reaction: Reaction::Outside(Arc::new(effect)),
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn new(documents: &'a dyn Documents, conflicts: u32) -> Self {
        Self {
            documents,
            conflicts,
        }
    }

    /// How many plans for this event have met changed documents so far. At 0 a handler may plan for
    /// the usual case without reading, and so cost one round trip.
    pub fn conflicts(&self) -> u32 {
        self.conflicts
    }

    /// Reads a document.
    pub async fn get(&self, key: &Key) -> Result<Option<Document>, StoreError> {
        self.documents.get(key).await
    }

    /// Reads a page of documents.
    pub async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.documents.query(query).await
    }

    /// Reads every document of a query, for results that are known to be few.
    pub async fn all(&self, query: Query) -> Result<Vec<Document>, StoreError> {
        all_documents(self.documents, query).await
    }
}

impl Failure {
    /// A failure that may pass, after which nothing has happened.
    pub fn retry(cause: impl Into<BoxError>) -> Self {
        Self::Retry {
            cause: cause.into(),
            may_have_acted: false,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::retry(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::retry(error)
    }
}

impl From<MalformedDocument> for Failure {
    /// A stored document that is not readable is our fault, not the event's: it waits for a repair.
    fn from(error: MalformedDocument) -> Self {
        Self::retry(error)
    }
}
