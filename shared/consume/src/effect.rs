//! What the author of a consumer writes: what an event changes.

use async_trait::async_trait;
use fanout_events::{Envelope, Event, EventType};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::BoxError;
use fanout_store::{MalformedDocument, ReadError, StoreError, Write};
use tokio::time::Instant;

use crate::view::View;

/// An effect that lives in the document store. Planned here, committed by the pipeline together
/// with the mark: exactly once.
#[async_trait]
pub trait StoreEffect<T: EventType>: Send + Sync + 'static {
    /// Whether the event is any business of this effect; one that is not is ignored, as if its type
    /// were not handled: it costs no round trip.
    fn concerns(&self, _event: &Envelope<T>) -> bool {
        true
    }

    /// What the event changes. Reads only; may be called again for the same event when documents
    /// changed between plan and commit ([`View::conflicts`] counts).
    async fn plan(&self, event: &Envelope<T>, view: &View<'_>) -> Result<Plan, Failure>;
}

/// A [`StoreEffect`] of events of several types, which are known to be valid, but not read.
#[async_trait]
pub trait EventEffect: Send + Sync + 'static {
    /// What the event changes, as in [`StoreEffect::plan`].
    async fn plan(&self, event: &Event, view: &View<'_>) -> Result<Plan, Failure>;
}

/// An effect outside the store: a mail, a call. Made under a claim, so that no other instance makes
/// it at the same time; a crash between act and mark is the one window in which it may happen twice.
#[async_trait]
pub trait OutsideEffect<T: EventType>: Send + Sync + 'static {
    /// What the act found out, for [`OutsideEffect::remember`]: a charge's id, a refusal.
    type Output: Send + Sync + 'static;

    /// As in [`StoreEffect::concerns`].
    fn concerns(&self, _event: &Envelope<T>) -> bool {
        true
    }

    /// What the claim's own commit writes besides the mark, and what is known of other events that
    /// asked for the same. Reads only; called again when documents changed between plan and commit.
    /// Usually nothing.
    async fn fence(&self, _event: &Envelope<T>, _view: &View<'_>) -> Result<Fencing, Failure> {
        Ok(Fencing::default())
    }

    /// Acts, passing the event's id on as the idempotency key where the other side takes one.
    async fn act(
        &self,
        event: &Envelope<T>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<Self::Output>, Failure>;

    /// What to remember of an event whose act has failed and is to be tried again, because others need it
    /// meanwhile; committed together with that. As [`OutsideEffect::remember`], and usually nothing.
    async fn remember_meanwhile(
        &self,
        _event: &Envelope<T>,
        _view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        Ok(Vec::new())
    }

    /// What to remember of an event that came to this end, and to emit because of it; committed
    /// together with the mark. With preconditions, if it depends on what was read. Reads only;
    /// called after the act, and again when documents changed between plan and commit
    /// ([`View::conflicts`] counts). The act is never repeated for that.
    async fn remember(
        &self,
        event: &Envelope<T>,
        end: End<'_, Self::Output>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError>;
}

/// What an [`OutsideEffect`] keeps others away by.
#[derive(Debug, Clone, Default)]
pub struct Fencing {
    /// Changes of documents. With preconditions, if they depend on what was read.
    pub writes: Vec<Write>,
    /// How many tries of other events may have had the same effect, and were not heard of again.
    pub unanswered: u64,
}

impl From<Vec<Write>> for Fencing {
    fn from(writes: Vec<Write>) -> Self {
        Self {
            writes,
            unanswered: 0,
        }
    }
}

/// What a reaction wants to happen, all or nothing.
#[derive(Debug, Clone, Default)]
pub struct UnitOfWork {
    /// Changes of documents. With preconditions, if they depend on what was read.
    pub writes: Vec<Write>,
    /// Events that follow. The pipeline fills in what caused them, stores them in the same commit,
    /// and publishes them.
    pub emits: Vec<Draft>,
}

/// What a [`StoreEffect`] wants to happen.
#[derive(Debug, Clone)]
pub enum Plan {
    /// This.
    Apply(UnitOfWork),
    /// A later event of the same subject has been applied already. Nothing of this one shows, but
    /// for this: what even a late event may still tell, such as where it all began. Usually nothing.
    Stale(UnitOfWork),
}

/// What an [`OutsideEffect`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted<O> {
    /// It has acted, with this output.
    Done(O),
    /// It has not, and never will: a later event of the same subject has been applied already.
    /// There is nothing to remember.
    Stale,
}

/// How an event ended of which an [`OutsideEffect`] may want to remember something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End<'a, O> {
    /// It has acted.
    Done(&'a O),
    /// The event is parked, for this reason: the slug of [`Failure::Park`].
    Parked(&'static str),
}

/// The reason to park an event whose act may have happened, and gave no answer. Under any other the
/// parked try has not acted.
pub const OUTCOME_UNKNOWN: &str = "outcome_unknown";

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
    /// The other side asks for it later, and nothing is wrong: a warning, and no alert.
    #[error("the handler was asked to try again later")]
    Later(
        /// What it said; logged, never sent.
        #[source]
        BoxError,
    ),
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

/// Facts about this try of an [`OutsideEffect`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u64,
    /// An earlier try may have acted and not lived to say so.
    pub may_have_repeated: bool,
    /// How many earlier tries may have: whether one more is to be risked. None, where an operator
    /// redrives or replays the event: that is a person's word for one more.
    pub unanswered: u64,
    /// When the try is cut off. One that ends by itself before can tell whether it has acted.
    pub until: Instant,
}

impl UnitOfWork {
    /// The same, with one more event.
    pub fn emit(mut self, event: Draft) -> Self {
        self.emits.push(event);
        self
    }
}

impl From<Vec<Write>> for UnitOfWork {
    fn from(writes: Vec<Write>) -> Self {
        Self {
            writes,
            emits: Vec::new(),
        }
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

impl From<UnwritableEvent> for Failure {
    /// An event that cannot be written is a fault of the program: it waits for a repair.
    fn from(error: UnwritableEvent) -> Self {
        Self::retry(error)
    }
}
