//! Steps whose effect lies outside the store: the claim's commit takes the fence, the completing
//! commit ends it, and every try acts under the same key.
//!
//! Where the other side stays silent nothing is answered either, and the request is settled all the
//! same: a delivery that waits, or fails, takes room from the requests behind it. The process asks
//! again when its deadline has passed, and the next try asks the other side by the key.

use async_trait::async_trait;
use fanout_consume::{Acted, Attempt, End, Failure, Fencing, OutsideEffect, UnitOfWork, View};
use fanout_events::{Envelope, OfStep};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_store::{MalformedDocument, ReadError, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fence::{Lease, State, cancelled, kept};
use super::{Answer, Fences, Keys, Ruling};

/// A step that another side does.
#[async_trait]
pub trait OutsideStep: Send + Sync + 'static {
    /// The request for it.
    type Asked: OfStep;
    /// What is kept of it, for whoever asks again.
    type Outcome: Serialize + DeserializeOwned + Send + Sync;
    /// What the participant's own subject for the step is, such as `pay`.
    const SUBJECT: &'static str;

    /// Asks the other side, under `keys.done`. A failure may come after the act; `None`: it does not
    /// answer, and may have acted.
    async fn perform(
        &self,
        asked: &Envelope<Self::Asked>,
        keys: &Keys,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Option<Ruling<Self::Outcome>>, Failure>;

    /// What else to keep of what it came to. Reads only.
    async fn remember(
        &self,
        asked: &Envelope<Self::Asked>,
        subject: &str,
        ruling: &Ruling<Self::Outcome>,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError>;

    /// The event that says what it came to.
    fn answer(
        &self,
        asked: &Self::Asked,
        answer: Answer,
        ruling: &Ruling<Self::Outcome>,
    ) -> Result<Draft, UnwritableEvent>;
}

/// A step outside the store that can be undone.
#[async_trait]
pub trait UndoableOutside: OutsideStep {
    /// The request for that.
    type Undo: OfStep;
    /// What the other side says about it.
    type Undone: Send + Sync;

    /// Makes sure that nothing is left of what was done under `keys.done`, and that nothing will be
    /// done under it any more: what became of it may not be known. `None`: the other side does not
    /// answer.
    async fn undo(
        &self,
        asked: &Self::Undo,
        keys: &Keys,
        attempt: &Attempt,
    ) -> Result<Option<Self::Undone>, Failure>;

    /// What else to keep of it. Reads only.
    async fn remember_undone(
        &self,
        asked: &Self::Undo,
        subject: &str,
        undone: &Self::Undone,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError>;

    /// The event that says that it is undone.
    fn undone(&self, asked: &Self::Undo, answer: Answer) -> Result<Draft, UnwritableEvent>;
}

/// The reaction to a request to do a step outside the store.
pub struct DoOutside<S> {
    fences: Fences,
    step: S,
}

/// The reaction to a request to undo a step outside the store.
pub struct UndoOutside<S> {
    fences: Fences,
    step: S,
}

/// What came of asking for an undo.
pub enum UndoCame<U> {
    /// The other side says this.
    Undone(U),
    /// There was nothing to undo.
    Nothing,
    /// The other side does not answer.
    Unanswered,
}

/// Another request for the step is being acted on.
#[derive(Debug, thiserror::Error)]
#[error("another request for the same step is being acted on")]
struct StepIsHeld;

impl<S> DoOutside<S> {
    pub(super) fn new(fences: Fences, step: S) -> Self {
        Self { fences, step }
    }
}

impl<S> UndoOutside<S> {
    pub(super) fn new(fences: Fences, step: S) -> Self {
        Self { fences, step }
    }
}

#[async_trait]
impl<S: OutsideStep> OutsideEffect<S::Asked> for DoOutside<S> {
    /// Nothing where the fence decides, and where the other side does not answer.
    type Output = Option<Ruling<S::Outcome>>;

    async fn fence(&self, event: &Envelope<S::Asked>, view: &View<'_>) -> Result<Fencing, Failure> {
        let mut fence = self.fences.read(event.data.step(), view).await?;
        match &fence.state {
            State::Acting(lease) if self.fences.held(lease, &event.id) => {
                return Err(Failure::Later(StepIsHeld.into()));
            }
            State::Acting(lease) if lease.owner != event.id => {
                let owner = lease.owner.clone();
                fence.displaced.insert(owner);
            }
            State::Unknown | State::Acting(_) => {}
            State::Done(_) | State::Undoing { .. } | State::Undone => {
                return Ok(Fencing::default());
            }
        }
        let acting = State::Acting(self.fences.lease(&event.id));
        let mut fencing = Fencing::from(vec![self.fences.changed(&fence, &acting)]);
        for other in fence.displaced.iter().filter(|it| **it != event.id) {
            let unanswered = view.unanswered_of(self.fences.consumer, other).await?;
            fencing.unanswered = fencing.unanswered.saturating_add(unanswered);
        }
        Ok(fencing)
    }

    async fn act(
        &self,
        event: &Envelope<S::Asked>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<Self::Output>, Failure> {
        let step = event.data.step();
        match self.fences.read(step, view).await?.state {
            State::Acting(lease) if lease.owner == event.id => {
                let keys = Keys::of(step);
                let acted = self.step.perform(event, &keys, attempt, view).await?;
                Ok(Acted::Done(acted))
            }
            State::Unknown | State::Acting(_) => Err(Failure::Later(StepIsHeld.into())),
            State::Done(_) | State::Undoing { .. } | State::Undone => Ok(Acted::Done(None)),
        }
    }

    async fn remember(
        &self,
        event: &Envelope<S::Asked>,
        end: End<'_, Self::Output>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let End::Done(acted) = end else {
            return Ok(UnitOfWork::default());
        };
        let (asked, step) = (&event.data, event.data.step());
        let fence = self.fences.read(step, view).await?;
        let to = self.fences.answer(S::SUBJECT, step, &fence);
        let mut writes = Vec::new();
        let decided;
        let (ruling, state) = match (&fence.state, acted) {
            // Whoever holds it now acts under the same key, and finds the same.
            (State::Acting(_), Some(ruling)) => {
                writes = self.step.remember(event, &to.subject, ruling, view).await?;
                (ruling, State::done(ruling)?)
            }
            (State::Done(outcome), _) => {
                decided = kept(outcome)?;
                (&decided, fence.state.clone())
            }
            (State::Undoing { .. } | State::Undone, _) => {
                decided = cancelled();
                (&decided, self.fences.let_go(&fence.state, &event.id))
            }
            (State::Acting(_), None) => {
                let free = self.fences.let_go(&fence.state, &event.id);
                return Ok(vec![self.fences.changed(&fence, &free)].into());
            }
            (State::Unknown, _) => return Err(lost_fence().into()),
        };
        writes.push(self.fences.answered(&fence, &state));
        let answer = self.step.answer(asked, to, ruling);
        Ok(UnitOfWork::from(writes).emit(answer.map_err(unwritable)?))
    }
}

#[async_trait]
impl<S: UndoableOutside> OutsideEffect<S::Undo> for UndoOutside<S> {
    type Output = UndoCame<S::Undone>;

    async fn fence(&self, event: &Envelope<S::Undo>, view: &View<'_>) -> Result<Fencing, Failure> {
        let fence = self.fences.read(event.data.step(), view).await?;
        let own = self.fences.lease(&event.id);
        let (lease, was_asked) = match &fence.state {
            State::Unknown => (own, false),
            State::Done(outcome) => match kept::<S::Outcome>(outcome)? {
                Ruling::Done(_) => (own, true),
                Ruling::Refused(_) => (own, false),
            },
            // No further try of the do begins from now on; the one that runs is waited for.
            State::Acting(lease) if self.fences.held(lease, &event.id) => (lease.clone(), true),
            State::Acting(_) => (own, true),
            State::Undoing { lease, .. } if self.fences.held(lease, &event.id) => {
                return Err(Failure::Later(StepIsHeld.into()));
            }
            State::Undoing { was_asked, .. } => (own, *was_asked),
            State::Undone => return Ok(Fencing::default()),
        };
        let undoing = State::Undoing { lease, was_asked };
        Ok(vec![self.fences.changed(&fence, &undoing)].into())
    }

    async fn act(
        &self,
        event: &Envelope<S::Undo>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<Self::Output>, Failure> {
        let step = event.data.step();
        match self.fences.read(step, view).await?.state {
            State::Undoing { lease, was_asked } if lease.owner == event.id => {
                if !was_asked {
                    return Ok(Acted::Done(UndoCame::Nothing));
                }
                let keys = Keys::of(step);
                let undone = self.step.undo(&event.data, &keys, attempt).await?;
                let came = undone.map_or(UndoCame::Unanswered, UndoCame::Undone);
                Ok(Acted::Done(came))
            }
            State::Undone => Ok(Acted::Done(UndoCame::Nothing)),
            State::Unknown | State::Acting(_) | State::Done(_) | State::Undoing { .. } => {
                Err(Failure::Later(StepIsHeld.into()))
            }
        }
    }

    async fn remember(
        &self,
        event: &Envelope<S::Undo>,
        end: End<'_, Self::Output>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let End::Done(acted) = end else {
            return Ok(UnitOfWork::default());
        };
        let (asked, step) = (&event.data, event.data.step());
        let fence = self.fences.read(step, view).await?;
        let to = self.fences.answer(S::SUBJECT, step, &fence);
        let mut writes = match acted {
            UndoCame::Undone(undone) => {
                let kept = self.step.remember_undone(asked, &to.subject, undone, view);
                kept.await?
            }
            UndoCame::Nothing => Vec::new(),
            UndoCame::Unanswered => {
                let free = self.fences.let_go(&fence.state, &event.id);
                return Ok(vec![self.fences.changed(&fence, &free)].into());
            }
        };
        writes.push(self.fences.answered(&fence, &State::Undone));
        let answer = self.step.undone(asked, to).map_err(unwritable)?;
        Ok(UnitOfWork::from(writes).emit(answer))
    }
}

impl Fences {
    fn held(&self, lease: &Lease, event_id: &str) -> bool {
        lease.is_of_another(event_id, self.now())
    }

    /// The same state, which no request waits for because of an event that has ended.
    fn let_go(&self, state: &State, ended: &str) -> State {
        let mut state = state.clone();
        if let State::Acting(lease) | State::Undoing { lease, .. } = &mut state
            && lease.owner == ended
        {
            lease.expires_at = self.now();
        }
        state
    }
}

/// A fence is only ever changed, never deleted while a claim may run.
fn lost_fence() -> MalformedDocument {
    MalformedDocument {
        field: "state".to_owned(),
        expected: "the state of a step that was acted on",
    }
}

/// A fault of the program: it waits for a repair.
fn unwritable(_: UnwritableEvent) -> MalformedDocument {
    MalformedDocument {
        field: "outcome".to_owned(),
        expected: "an outcome that can be told",
    }
}
