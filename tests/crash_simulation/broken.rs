//! Protocols that are broken on purpose. A simulation that cannot fail proves nothing.
//!
//! Each is an adapter between the real services and the faulty ports, so that the code under test
//! carries no switch: the services run unchanged and believe what they are told.

mod answers;
mod documents;
mod publisher;

use std::sync::Arc;

use axum::Router;
use fanout_bus::Publisher;
use fanout_store::Documents;
use http::StatusCode;

use documents::BrokenDocuments;
use publisher::HastyPublisher;

/// One way to get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// An event is marked as done, then takes effect, in two commits.
    MarkBeforeEffect,
    /// An event takes effect, then is marked as done, in two commits.
    MarkInSecondCommit,
    /// A claim is taken from its holder however long its lease still runs.
    NoLeaseCheck,
    /// A lease never runs out.
    LeaseExpiryIgnored,
    /// Whoever comes last writes the mark, whoever has taken over meanwhile.
    NoFencing,
    /// A claim is not given back after a failure.
    NoRelease,
    /// What may have happened twice is not recorded as such.
    RepeatNotRecorded,
    /// A mark counts for ever, until something deletes it.
    MarkExpiryIgnored,
    /// A delivery that meets a claim is acked.
    AckWhileClaimed,
    /// A delivery that fails is acked.
    AckOnFailure,
    /// A message is acked as parked while it is still on its way to the dead-letter topic.
    ParkedBeforeDurable,
    /// An event counts as published while it is still on its way to the bus.
    PublishedBeforeDurable,
    /// The outbox row is stored after the state it tells of.
    OutboxInSecondCommit,
    /// The last event that comes wins, whatever its sequence.
    NoOrderGuard,
    /// A mail is recorded whether its user is still there or not.
    NoRecipientGuard,
}

impl Broken {
    pub(crate) const ALL: [Self; 15] = [
        Self::MarkBeforeEffect,
        Self::MarkInSecondCommit,
        Self::NoLeaseCheck,
        Self::LeaseExpiryIgnored,
        Self::NoFencing,
        Self::NoRelease,
        Self::RepeatNotRecorded,
        Self::MarkExpiryIgnored,
        Self::AckWhileClaimed,
        Self::AckOnFailure,
        Self::ParkedBeforeDurable,
        Self::PublishedBeforeDurable,
        Self::OutboxInSecondCommit,
        Self::NoOrderGuard,
        Self::NoRecipientGuard,
    ];

    /// The documents as this lets a service see and change them.
    pub(crate) fn documents(
        broken: Option<Self>,
        documents: Arc<dyn Documents>,
    ) -> Arc<dyn Documents> {
        match broken {
            Some(broken) => Arc::new(BrokenDocuments {
                broken,
                inner: documents,
            }),
            None => documents,
        }
    }

    /// The publisher as this lets a service use it.
    pub(crate) fn publisher(
        broken: Option<Self>,
        publisher: Arc<dyn Publisher>,
    ) -> Arc<dyn Publisher> {
        let hasty = |dead_letters| HastyPublisher {
            dead_letters,
            inner: Arc::clone(&publisher),
        };
        match broken {
            Some(Self::ParkedBeforeDurable) => Arc::new(hasty(true)),
            Some(Self::PublishedBeforeDurable) => Arc::new(hasty(false)),
            Some(_) | None => publisher,
        }
    }

    /// The service as this lets others see its answers.
    pub(crate) fn answers(broken: Option<Self>, app: Router) -> Router {
        match broken {
            Some(Self::AckWhileClaimed) => answers::acking(StatusCode::TOO_MANY_REQUESTS, app),
            Some(Self::AckOnFailure) => answers::acking(StatusCode::SERVICE_UNAVAILABLE, app),
            Some(_) | None => app,
        }
    }
}
