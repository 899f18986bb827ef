//! Where an event stands with a consumer: a mark, read at a moment.

use std::time::Duration;

use fanout_runtime::Timestamp;
use fanout_store::{Document, MalformedDocument, Precondition};

use super::mark::{Mark, MarkState, Seen};

/// What the mark says about an event that has just been delivered.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing<T = Predecessor> {
    /// It may be worked on: it is new, or its last holder failed, died or parked it.
    Open(T),
    /// It has taken effect.
    Done,
    /// A holder works on it, and keeps others away.
    Held {
        /// For how much longer at most.
        remaining: Duration,
    },
    /// Another payload came under the same id before.
    Reused,
}

/// What is known of earlier work on an event, and what must still be true when going on from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Predecessor {
    /// The fencing token: the mark as it was read. If it changes meanwhile, the commit fails.
    pub precondition: Precondition,
    /// How many times work was begun.
    pub attempts: u64,
    /// Whether a holder may have acted without saying so.
    pub may_have_repeated: bool,
    /// How many holders may have.
    pub unanswered: u64,
    /// If it was parked: which message, and why.
    pub parked: Option<(String, String)>,
}

impl Predecessor {
    /// Of an event that is new.
    pub const NONE: Self = Self {
        precondition: Precondition::Absent,
        attempts: 0,
        may_have_repeated: false,
        unanswered: 0,
        parked: None,
    };

    /// Whether this very message lies on the dead-letter topic already, for this reason.
    pub fn is_parked_as(&self, message_id: &str, reason: &str) -> bool {
        self.parked
            .as_ref()
            .is_some_and(|(message, because)| message == message_id && because == reason)
    }
}

impl Standing {
    /// What a mark (or its absence) means at `now` for a delivery of `seen`.
    pub fn of(
        mark: Option<&Document>,
        seen: &Seen,
        now: Timestamp,
    ) -> Result<Self, MalformedDocument> {
        let Some(document) = mark else {
            return Ok(Self::Open(Predecessor::NONE));
        };
        let mark = Mark::from_fields(&document.fields)?;
        let precondition = Precondition::UpdatedAt(document.update_time);
        // Firestore's TTL deletes up to days late, so the time counts, not the deletion.
        if mark.expires_at <= now {
            return Ok(Self::Open(Predecessor {
                precondition,
                ..Predecessor::NONE
            }));
        }
        if mark.fingerprint != seen.fingerprint.as_str() {
            return Ok(Self::Reused);
        }
        let known = Predecessor {
            precondition,
            attempts: mark.attempt,
            may_have_repeated: mark.may_have_repeated,
            unanswered: mark.unanswered,
            parked: None,
        };
        Ok(match mark.state {
            MarkState::Done => Self::Done,
            MarkState::Parked => Self::Open(Predecessor {
                parked: mark.parked_message.zip(mark.outcome),
                ..known
            }),
            MarkState::Released => Self::Open(known),
            MarkState::Processing => match remaining(mark.lease_expires_at, now) {
                Some(remaining) => Self::Held { remaining },
                // The holder died, or is so late that it counts as dead. It may have acted: nothing
                // tells one that never began to act, or could not write that it had not.
                None => Self::Open(Predecessor {
                    may_have_repeated: true,
                    unanswered: mark.unanswered_at_most(),
                    ..known
                }),
            },
        })
    }
}

fn remaining(lease_expires_at: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let remaining = (lease_expires_at? - now).to_std().ok()?;
    (!remaining.is_zero()).then_some(remaining)
}
