//! The fence: what a participant remembers of a step.

use std::collections::BTreeSet;

use fanout_consume::View;
use fanout_events::{CANCELLED, StepRef};
use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, Fields, Key, MalformedDocument, Precondition, ReadError, Write, ascending,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Answer, Fences, Ruling, hash};

/// The collection of fences. None expires: a process that is stuck asks again whenever an operator
/// says so, and where there is no fence an undo takes it that there is nothing to undo.
pub const STEP_FENCES: &Collection = &Collection::named("step_fences")
    .indexes(&[&[ascending("lease_expires_at")]])
    .no_automatic_indexes();

/// A step's fence, as it was read.
#[derive(Debug, Clone)]
pub(super) struct Fence {
    key: Key,
    version: Precondition,
    pub(super) state: State,
    /// How many answers were given.
    answers: u64,
    /// Events that have held the step before: their marks count their tries, as long as there are marks.
    pub(super) displaced: BTreeSet<String>,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// It was never asked for.
    Unknown,
    /// The other side is being asked to do it.
    Acting(Lease),
    /// It has come to this: a [`Ruling`] as JSON.
    Done(String),
    /// It is being undone; whether the other side was ever asked to do it.
    Undoing { lease: Lease, was_asked: bool },
    /// It is undone, for ever.
    Undone,
}

/// Who may act on a step, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    /// The event that is acted on.
    pub(super) owner: String,
    pub(super) expires_at: Timestamp,
}

impl Lease {
    /// Whether another event is being acted on, as far as is known.
    pub(super) fn is_of_another(&self, event_id: &str, now: Timestamp) -> bool {
        self.owner != event_id && self.expires_at > now
    }
}

impl Fences {
    pub(super) async fn read(&self, step: &StepRef, view: &View<'_>) -> Result<Fence, ReadError> {
        let mut fence = self.unread(step);
        if let Some(stored) = view.get(&fence.key).await? {
            fence.version = Precondition::UpdatedAt(stored.update_time);
            fence.answers = stored.fields.count("answers")?;
            let displaced = stored.fields.optional_text("displaced")?;
            fence.displaced = displaced
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect();
            fence.state = State::from_fields(&stored.fields)?;
        }
        Ok(fence)
    }

    /// The fence of a step that is asked for the first time, as it usually is.
    pub(super) fn unread(&self, step: &StepRef) -> Fence {
        let hash = hex::encode(hash(step, ""));
        Fence {
            key: Key::new(STEP_FENCES, &format!("{}:{hash}", self.consumer)),
            version: Precondition::Absent,
            state: State::Unknown,
            answers: 0,
            displaced: BTreeSet::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A lease from now on.
    pub(super) fn lease(&self, event_id: &str) -> Lease {
        Lease {
            owner: event_id.to_owned(),
            expires_at: self.clock.now() + self.lease,
        }
    }

    /// The next answer about a step.
    pub(super) fn answer(&self, prefix: &str, step: &StepRef, fence: &Fence) -> Answer {
        Answer {
            subject: self.subject(prefix, step),
            sequence: fence.answers + 1,
        }
    }

    /// The fence in another state, with one more answer.
    pub(super) fn answered(&self, fence: &Fence, state: &State) -> Write {
        self.write(fence, state, fence.answers + 1)
    }

    /// The fence in another state.
    pub(super) fn changed(&self, fence: &Fence, state: &State) -> Write {
        self.write(fence, state, fence.answers)
    }

    fn write(&self, fence: &Fence, state: &State, answers: u64) -> Write {
        // Nobody asks how often it was tried once it is done.
        let displaced = fence.displaced.iter().map(String::as_str);
        let displaced: Vec<&str> = match state {
            State::Acting(_) => displaced.collect(),
            State::Unknown | State::Done(_) | State::Undoing { .. } | State::Undone => Vec::new(),
        };
        let displaced = displaced.join("\n");
        let fields = state
            .to_fields()
            .with("consumer", self.consumer)
            .with("answers", answers)
            .with("displaced", (!displaced.is_empty()).then_some(displaced));
        Write::set(fence.key.clone(), fields).only_if(fence.version)
    }
}

impl State {
    pub(super) fn done<O: Serialize>(ruling: &Ruling<O>) -> Result<Self, MalformedDocument> {
        let text = serde_json::to_string(ruling);
        text.map(Self::Done).map_err(|_| malformed_outcome())
    }

    fn to_fields(&self) -> Fields {
        let fields = Fields::new();
        let leased = |fields: Fields, lease: &Lease| {
            fields
                .with("owner", lease.owner.as_str())
                .with("lease_expires_at", lease.expires_at)
        };
        match self {
            Self::Unknown => fields,
            Self::Acting(lease) => leased(fields.with("state", "acting"), lease),
            Self::Done(ruling) => fields
                .with("state", "done")
                .with("outcome", ruling.as_str()),
            Self::Undoing { lease, was_asked } => leased(
                fields
                    .with("state", "undoing")
                    .with("was_asked", *was_asked),
                lease,
            ),
            Self::Undone => fields.with("state", "undone"),
        }
    }

    fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let lease = || -> Result<Lease, MalformedDocument> {
            Ok(Lease {
                owner: fields.text("owner")?.to_owned(),
                expires_at: fields.timestamp("lease_expires_at")?,
            })
        };
        match fields.text("state")? {
            "acting" => Ok(Self::Acting(lease()?)),
            "done" => Ok(Self::Done(fields.text("outcome")?.to_owned())),
            "undoing" => Ok(Self::Undoing {
                lease: lease()?,
                was_asked: fields.flag("was_asked")?,
            }),
            "undone" => Ok(Self::Undone),
            _ => Err(MalformedDocument {
                field: "state".to_owned(),
                expected: "a state of a step",
            }),
        }
    }
}

/// The ruling that a fence keeps.
pub(super) fn kept<O: DeserializeOwned>(outcome: &str) -> Result<Ruling<O>, MalformedDocument> {
    serde_json::from_str(outcome).map_err(|_| malformed_outcome())
}

/// The answer to a do that came after its undo.
pub(super) fn cancelled<O>() -> Ruling<O> {
    Ruling::Refused(CANCELLED.to_owned())
}

fn malformed_outcome() -> MalformedDocument {
    MalformedDocument {
        field: "outcome".to_owned(),
        expected: "an outcome of this step",
    }
}
