//! Protocols that are broken on purpose. A simulation that cannot fail proves nothing.
//!
//! Each is an adapter between the real services and the faulty ports, so that the code under test
//! carries no switch: the services run unchanged and believe what they are told.

mod anew;
mod answers;
mod documents;
mod early_query;
mod generations;
mod machine;
mod publisher;

use std::sync::Arc;

use axum::Router;
use fanout_bus::Publisher;
use fanout_processes::Machine;
use fanout_runtime::IdGenerator;
use fanout_store::Documents;
use http::StatusCode;

use super::services::Service;
use anew::MadeAnew;
use documents::BrokenDocuments;
use early_query::EarlyQuery;
use generations::BrokenGenerations;
use machine::BrokenMachine;
use publisher::{HastyPublisher, OneTopic};

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
    /// What may have happened twice is forgotten once the event has been parked.
    ParkedForgetsRepeat,
    /// A mark counts for ever, until something deletes it.
    MarkExpiryIgnored,
    /// The claims of a dead process are given back, as if it had not acted.
    DeadClaimsReleased,
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
    /// What a reaction emits is stored after its mark.
    EmissionInSecondCommit,
    /// The ids of what a reaction emits are made anew each time it is planned.
    CausedIdMadeAnew,
    /// User-service publishes all that waits to its own topic, whose ever it is.
    PublishedToOneTopic,
    /// A row is stored without its line's lease, and published all the same.
    LeaseForgotten,
    /// A row expires some time after it was stored, published or not.
    WaitingRowExpires,
    /// The relay's next run begins where the last one ended, whatever that left behind.
    CursorPassesOver,
    /// The last event that comes wins, whatever its sequence.
    NoOrderGuard,
    /// A mail is recorded whether its user is still there or not.
    NoRecipientGuard,
    /// Each mail to a user leaves the same trace, so that a second one goes unnoticed.
    SecondMailUnnoticed,
    /// A user's records are looked for before it is read what guards them.
    RecordsBeforeGuard,
    /// A step has no fence: what is asked for twice is done twice.
    NoStepFence,
    /// An undo that comes first leaves nothing that refuses the do.
    NoTombstone,
    /// Only what is known to have been done is undone.
    UndoOfWhatIsKnown,
    /// The payment provider is given another key at each call.
    KeyPerCall,
    /// When a process wakes is stored after the rest of it.
    WakeInSecondCommit,
    /// When a process wakes is not stored.
    WakeForgotten,
    /// A process is stored whatever it has become meanwhile.
    ProcessUnguarded,
    /// An order, its process and the request's record are stored whether there are some or not. The
    /// record is what holds: a process's own key is new with each request.
    StartUnguarded,
    /// A process has only that undone that was answered as done.
    OnlyDoneIsUndone,
    /// What is not answered in time counts as refused.
    SilenceAsRefusal,
    /// What is refused counts as not answered in time.
    RefusalAsSilence,
    /// An answer that a step will not be done ends its undo, which it does not answer.
    AnswerEndsUndo,
    /// Shipping forgets that an order was withdrawn.
    ShippedAfterWithdrawn,
    /// What an operator did is stored after what came of it.
    WordInSecondCommit,
    /// Each process is taken for one of the first version.
    TakenForFirstVersion,
    /// Each process is taken for one of the second version.
    TakenForSecondVersion,
    /// An event of a stream is stored whatever is in its place.
    AppendUnguarded,
    /// A transfer's two sides are stored one after the other.
    TransferInTwoCommits,
    /// A snapshot is of the state before its event.
    SnapshotOfBefore,
    /// A command is done whether its record is there or not.
    CommandUnrecorded,
    /// An event makes no rows in the generation that is being built.
    BuildingUnfed,
    /// An event makes no rows in the generation that was live before.
    PreviousUnfed,
    /// An event's rows are stored in one generation after the other.
    GenerationsInTwoCommits,
    /// What an instance knows of generations never gets old.
    KnowledgeNeverOld,
    /// A rebuild does not wait until all instances know of it.
    RebuildWaitsNot,
    /// The new generation is live before the past was read, and not compared.
    SwitchBeforePast,
    /// Readers are shown what is being built.
    ReadWhileBuilt,
    /// What an author has posted before is not shown to those who follow now.
    NothingBeforeFollow,
}

// What breaks flows of many steps elsewhere, and no author can get wrong here. A request with an ordering key,
// which an undo would wait behind: `Saga` makes each request's draft itself, and no author sees it;
// that none is stored is checked at each commit. An answer that is matched without its attempt: answers
// to all attempts are the same, as the fence keeps the first; what is left of it is `AnswerEndsUndo`.
// A state that is stored after its events have left: an author returns both in one value.

impl Broken {
    pub(crate) const ALL: [Self; 53] = [
        Self::MarkBeforeEffect,
        Self::MarkInSecondCommit,
        Self::NoLeaseCheck,
        Self::LeaseExpiryIgnored,
        Self::NoFencing,
        Self::NoRelease,
        Self::RepeatNotRecorded,
        Self::ParkedForgetsRepeat,
        Self::MarkExpiryIgnored,
        Self::DeadClaimsReleased,
        Self::AckWhileClaimed,
        Self::AckOnFailure,
        Self::ParkedBeforeDurable,
        Self::PublishedBeforeDurable,
        Self::OutboxInSecondCommit,
        Self::EmissionInSecondCommit,
        Self::CausedIdMadeAnew,
        Self::PublishedToOneTopic,
        Self::LeaseForgotten,
        Self::WaitingRowExpires,
        Self::CursorPassesOver,
        Self::NoOrderGuard,
        Self::NoRecipientGuard,
        Self::SecondMailUnnoticed,
        Self::RecordsBeforeGuard,
        Self::NoStepFence,
        Self::NoTombstone,
        Self::UndoOfWhatIsKnown,
        Self::KeyPerCall,
        Self::WakeInSecondCommit,
        Self::WakeForgotten,
        Self::ProcessUnguarded,
        Self::StartUnguarded,
        Self::OnlyDoneIsUndone,
        Self::SilenceAsRefusal,
        Self::RefusalAsSilence,
        Self::AnswerEndsUndo,
        Self::ShippedAfterWithdrawn,
        Self::WordInSecondCommit,
        Self::TakenForFirstVersion,
        Self::TakenForSecondVersion,
        Self::AppendUnguarded,
        Self::TransferInTwoCommits,
        Self::SnapshotOfBefore,
        Self::CommandUnrecorded,
        Self::BuildingUnfed,
        Self::PreviousUnfed,
        Self::GenerationsInTwoCommits,
        Self::KnowledgeNeverOld,
        Self::RebuildWaitsNot,
        Self::SwitchBeforePast,
        Self::ReadWhileBuilt,
        Self::NothingBeforeFollow,
    ];

    /// The story that shows it by a single fault, or by none.
    pub(crate) fn story(self) -> &'static str {
        match self {
            Self::MarkBeforeEffect
            | Self::MarkInSecondCommit
            | Self::LeaseExpiryIgnored
            | Self::NoRelease
            | Self::RepeatNotRecorded
            | Self::AckOnFailure
            | Self::OutboxInSecondCommit
            | Self::LeaseForgotten => "sign-up",
            Self::NoLeaseCheck | Self::NoFencing | Self::AckWhileClaimed => "twice-at-once",
            Self::ParkedForgetsRepeat => "full-mailbox",
            Self::MarkExpiryIgnored | Self::CausedIdMadeAnew => "cause-again",
            Self::DeadClaimsReleased => "one-machine",
            Self::ParkedBeforeDurable => "nonsense",
            Self::EmissionInSecondCommit | Self::PublishedToOneTopic => "emission",
            Self::WaitingRowExpires => "long-outage",
            Self::PublishedBeforeDurable | Self::CursorPassesOver => "outage",
            Self::NoOrderGuard => "change-at-once",
            Self::NoRecipientGuard | Self::SecondMailUnnoticed | Self::RecordsBeforeGuard => {
                "second-mail"
            }
            Self::NoStepFence
            | Self::KeyPerCall
            | Self::WakeInSecondCommit
            | Self::WakeForgotten
            | Self::StartUnguarded => "order",
            Self::NoTombstone
            | Self::UndoOfWhatIsKnown
            | Self::OnlyDoneIsUndone
            | Self::AnswerEndsUndo => "order-called-off",
            Self::RefusalAsSilence => "order-declined",
            Self::SilenceAsRefusal => "order-silent",
            Self::ProcessUnguarded | Self::WordInSecondCommit => "order-turned-by-hand",
            Self::TakenForFirstVersion => "order-of-two-versions",
            Self::TakenForSecondVersion => "order-outlives-a-deploy",
            Self::ShippedAfterWithdrawn => "twin-called-off",
            Self::AppendUnguarded | Self::SnapshotOfBefore => "bank-at-once",
            Self::TransferInTwoCommits | Self::CommandUnrecorded => "bank-transfer",
            Self::BuildingUnfed
            | Self::PreviousUnfed
            | Self::GenerationsInTwoCommits
            | Self::KnowledgeNeverOld
            | Self::RebuildWaitsNot
            | Self::SwitchBeforePast
            | Self::ReadWhileBuilt
            | Self::NothingBeforeFollow => "feed",
        }
    }

    /// Documents and publisher as this lets a process see and use them.
    pub(crate) fn ports(
        broken: Option<Self>,
        documents: Arc<dyn Documents>,
        publisher: Arc<dyn Publisher>,
        ids: Arc<dyn IdGenerator>,
    ) -> (Arc<dyn Documents>, Arc<dyn Publisher>) {
        let hasty = |dead_letters| HastyPublisher {
            dead_letters,
            inner: Arc::clone(&publisher),
        };
        match broken {
            None => (documents, publisher),
            Some(Self::ParkedBeforeDurable) => (documents, Arc::new(hasty(true))),
            Some(Self::PublishedBeforeDurable) => (documents, Arc::new(hasty(false))),
            Some(Self::CausedIdMadeAnew) => {
                let anew = Arc::new(MadeAnew::new(documents, publisher, ids));
                (anew.clone(), anew)
            }
            Some(Self::RecordsBeforeGuard) => (Arc::new(EarlyQuery::new(documents)), publisher),
            Some(broken @ (Self::GenerationsInTwoCommits | Self::NothingBeforeFollow)) => {
                (BrokenGenerations::of(broken, documents), publisher)
            }
            Some(broken) => {
                let inner = documents;
                (Arc::new(BrokenDocuments { broken, inner }), publisher)
            }
        }
    }

    /// A process as this lets the engine see it.
    pub(crate) fn machine(broken: Option<Self>, machine: Arc<dyn Machine>) -> Arc<dyn Machine> {
        match broken {
            Some(
                broken @ (Self::OnlyDoneIsUndone
                | Self::SilenceAsRefusal
                | Self::RefusalAsSilence
                | Self::AnswerEndsUndo),
            ) => Arc::new(BrokenMachine { broken, machine }),
            Some(_) | None => machine,
        }
    }

    /// The publisher as this lets a service's outbox use it.
    pub(crate) fn publisher_of(
        broken: Option<Self>,
        service: Service,
        publisher: Arc<dyn Publisher>,
    ) -> Arc<dyn Publisher> {
        match (broken, service) {
            (Some(Self::PublishedToOneTopic), Service::User) => Arc::new(OneTopic(publisher)),
            (Some(_) | None, _) => publisher,
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
