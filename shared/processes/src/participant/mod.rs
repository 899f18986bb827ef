//! Who does a step that a process asks for: once, however often it is asked, and never after its
//! undo.
//!
//! Each step of each process has one fence with each participant. What is found there decides:
//!
//! | fence | "do" arrives | "undo" arrives |
//! |---|---|---|
//! | none | do, keep the outcome, answer | keep that it is undone, answer |
//! | done | answer the kept outcome again | undo, answer |
//! | undoing, undone | answer `cancelled`, and do nothing | finish, answer again |
//! | acting, lease runs | wait | wait; no further try of the do begins |
//! | acting, lease over | take over under the same key | ask the other side by key, then undone |
//!
//! A fence is kept for ever: how late a process asks is up to an operator.
//!
//! A refusal is an outcome: it is kept and answered like any other. Silence of the other side is none:
//! the request is settled without an answer, the lease ends, and the next question asks by the key.

mod dead_process;
mod fence;
mod in_store;
mod outside;
mod reacting;

use std::sync::Arc;

use fanout_consume::ConsumerDeps;
use fanout_events::StepRef;
use fanout_runtime::{Clock, id_of};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use dead_process::end_fences_of_dead_process;
pub use fence::STEP_FENCES;
pub use in_store::{DoInStore, ForestallInStore, StoreStep, UndoInStore, UndoableInStore};
pub use outside::{DoOutside, OutsideStep, UndoOutside, UndoableOutside};
pub use reacting::Reacting;

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling<O> {
    /// It was done, with this outcome.
    Done(O),
    /// It was not, for this reason: a slug such as `out_of_stock`.
    Refused(String),
}

/// Where an answer belongs: the participant's own subject for the step, and the answer's place there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The subject: the same for every answer of the step.
    pub subject: String,
    /// From 1.
    pub sequence: u64,
}

/// The keys under which another side is asked to do and to undo a step: the same at every try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Of doing it.
    pub done: String,
    /// Of undoing it.
    pub undone: String,
}

/// Makes reactions of a consumer's steps: each checks its fence, and keeps it in the reaction's own
/// commit.
#[derive(Clone)]
pub struct Fences {
    consumer: &'static str,
    clock: Arc<dyn Clock>,
    lease: std::time::Duration,
}

impl Fences {
    /// The fences of this consumer.
    pub fn of(consumer: &'static str, deps: &ConsumerDeps) -> Self {
        Self {
            consumer,
            clock: Arc::clone(&deps.clock),
            lease: deps.timings.lease,
        }
    }

    /// Does the step in the store.
    pub fn doing<S: StoreStep>(&self, step: S) -> DoInStore<S> {
        DoInStore::new(self.clone(), step)
    }

    /// Undoes the step in the store.
    pub fn undoing<S: UndoableInStore>(&self, step: S) -> UndoInStore<S> {
        UndoInStore::new(self.clone(), step)
    }

    /// Sees to it that the step is not done from here on. What it came to before stands, and is
    /// answered again: whether it was in time, the answer says.
    pub fn forestalling<S: StoreStep>(&self, step: S) -> ForestallInStore<S> {
        ForestallInStore::new(self.clone(), step)
    }

    /// Does the step outside the store.
    pub fn doing_outside<S: OutsideStep>(&self, step: S) -> DoOutside<S> {
        DoOutside::new(self.clone(), step)
    }

    /// Undoes the step outside the store.
    pub fn undoing_outside<S: UndoableOutside>(&self, step: S) -> UndoOutside<S> {
        UndoOutside::new(self.clone(), step)
    }

    /// The subject of what is said about a step; `prefix` says what it is, such as `pay`.
    fn subject(&self, prefix: &str, step: &StepRef) -> String {
        id_of(prefix, &hash(step, self.consumer))
    }
}

impl Keys {
    fn of(step: &StepRef) -> Self {
        let key = |direction| hex::encode(hash(step, direction));
        Self {
            done: key("do"),
            undone: key("undo"),
        }
    }
}

/// Of a step, whatever the attempt. No part holds a line break.
fn hash(step: &StepRef, beside: &str) -> [u8; 32] {
    let StepRef {
        process, key, name, ..
    } = step;
    Sha256::digest(format!("{process}\n{key}\n{name}\n{beside}")).into()
}
