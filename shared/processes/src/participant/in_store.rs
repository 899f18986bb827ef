//! Steps whose effect lives in the store: mark, fence, effect and answer are one commit.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, UnitOfWork, View};
use fanout_events::{Envelope, OfStep};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_store::Write;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fence::{State, cancelled, kept};
use super::{Answer, Fences, Ruling};

/// A step that is done in the store.
#[async_trait]
pub trait StoreStep: Send + Sync + 'static {
    /// The request for it.
    type Asked: OfStep;
    /// What is kept of it, for its undo and for whoever asks again.
    type Outcome: Serialize + DeserializeOwned + Send + Sync;
    /// What the participant's own subject for the step is, such as `res`.
    const SUBJECT: &'static str;

    /// What it comes to, and what that changes; `subject` is the participant's own. Reads only;
    /// called again when documents changed between plan and commit. Writes have preconditions where
    /// they depend on what was read.
    async fn perform(
        &self,
        asked: &Self::Asked,
        subject: &str,
        view: &View<'_>,
    ) -> Result<(Ruling<Self::Outcome>, Vec<Write>), Failure>;

    /// The event that says what it came to.
    fn answer(
        &self,
        asked: &Self::Asked,
        answer: Answer,
        ruling: &Ruling<Self::Outcome>,
    ) -> Result<Draft, UnwritableEvent>;
}

/// A step in the store that can be undone.
#[async_trait]
pub trait UndoableInStore: StoreStep {
    /// The request for that.
    type Undo: OfStep;

    /// What takes the effect back. Reads only, like [`StoreStep::perform`].
    async fn undo(&self, done: Self::Outcome, view: &View<'_>) -> Result<Vec<Write>, Failure>;

    /// The event that says that it is undone.
    fn undone(&self, asked: &Self::Undo, answer: Answer) -> Result<Draft, UnwritableEvent>;
}

/// The reaction to a request to do a step in the store.
pub struct DoInStore<S> {
    fences: Fences,
    step: S,
}

/// The reaction to a request to undo a step in the store.
pub struct UndoInStore<S> {
    fences: Fences,
    step: S,
}

/// The reaction to a word that a step in the store must not be done any more.
pub struct ForestallInStore<S> {
    fences: Fences,
    step: S,
}

/// The fence says that the step is done outside the store.
#[derive(Debug, thiserror::Error)]
#[error("the step's fence is held by an act outside the store")]
struct ActedOutside;

impl<S> DoInStore<S> {
    pub(super) fn new(fences: Fences, step: S) -> Self {
        Self { fences, step }
    }
}

impl<S> UndoInStore<S> {
    pub(super) fn new(fences: Fences, step: S) -> Self {
        Self { fences, step }
    }
}

impl<S> ForestallInStore<S> {
    pub(super) fn new(fences: Fences, step: S) -> Self {
        Self { fences, step }
    }
}

#[async_trait]
impl<S: StoreStep> StoreEffect<S::Asked> for ForestallInStore<S> {
    async fn plan(&self, event: &Envelope<S::Asked>, view: &View<'_>) -> Result<Plan, Failure> {
        let fence = self.fences.read(event.data.step(), view).await?;
        let (ruling, state) = match &fence.state {
            State::Unknown | State::Undone => (cancelled(), State::Undone),
            State::Done(outcome) => (kept(outcome)?, fence.state.clone()),
            State::Acting(_) | State::Undoing { .. } => return Err(Failure::retry(ActedOutside)),
        };
        let to = self.fences.answer(S::SUBJECT, event.data.step(), &fence);
        let answer = self.step.answer(&event.data, to, &ruling)?;
        let writes = vec![self.fences.answered(&fence, &state)];
        Ok(Plan::Apply(UnitOfWork::from(writes).emit(answer)))
    }
}

#[async_trait]
impl<S: StoreStep> StoreEffect<S::Asked> for DoInStore<S> {
    async fn plan(&self, event: &Envelope<S::Asked>, view: &View<'_>) -> Result<Plan, Failure> {
        let step = event.data.step();
        // The first question usually meets no fence, so it is planned without a read.
        let fence = if view.conflicts() == 0 && step.attempt == 1 {
            self.fences.unread(step)
        } else {
            self.fences.read(step, view).await?
        };
        let to = self.fences.answer(S::SUBJECT, step, &fence);
        let (ruling, state, mut writes) = match &fence.state {
            State::Unknown => {
                let performed = self.step.perform(&event.data, &to.subject, view);
                let (ruling, writes) = performed.await?;
                let done = State::done(&ruling)?;
                (ruling, done, writes)
            }
            State::Done(outcome) => (kept(outcome)?, fence.state.clone(), Vec::new()),
            State::Undone => (cancelled(), State::Undone, Vec::new()),
            State::Acting(_) | State::Undoing { .. } => return Err(Failure::retry(ActedOutside)),
        };
        writes.push(self.fences.answered(&fence, &state));
        let answer = self.step.answer(&event.data, to, &ruling)?;
        Ok(Plan::Apply(UnitOfWork::from(writes).emit(answer)))
    }
}

#[async_trait]
impl<S: UndoableInStore> StoreEffect<S::Undo> for UndoInStore<S> {
    async fn plan(&self, event: &Envelope<S::Undo>, view: &View<'_>) -> Result<Plan, Failure> {
        let step = event.data.step();
        let fence = self.fences.read(step, view).await?;
        let mut writes = match &fence.state {
            State::Unknown | State::Undone => Vec::new(),
            State::Done(outcome) => match kept(outcome)? {
                Ruling::Done(outcome) => self.step.undo(outcome, view).await?,
                Ruling::Refused(_) => Vec::new(),
            },
            State::Acting(_) | State::Undoing { .. } => return Err(Failure::retry(ActedOutside)),
        };
        writes.push(self.fences.answered(&fence, &State::Undone));
        let answer = self.fences.answer(S::SUBJECT, step, &fence);
        let answer = self.step.undone(&event.data, answer)?;
        Ok(Plan::Apply(UnitOfWork::from(writes).emit(answer)))
    }
}
