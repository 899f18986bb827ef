//! Steps that no process asks for: a participant hears of a fact, and does or undoes its own step
//! because of it, behind the same fence.

use async_trait::async_trait;
use fanout_consume::{
    Acted, Attempt, End, Failure, Fencing, OutsideEffect, Plan, StoreEffect, UnitOfWork, View,
};
use fanout_events::{Envelope, EventType, OfStep};
use fanout_outbox::UnwritableEvent;
use fanout_store::{MalformedDocument, ReadError, Write};
use serde::Serialize;

/// A reaction `R` to the fact `E`, as if that were the request `A`. What is said of it may carry on
/// a `C` that came with the fact, for whoever reacts next.
pub struct Reacting<E, A, R, C = ()> {
    asks: fn(&E) -> Option<A>,
    carries: Option<Carries<E, C>>,
    reaction: R,
}

struct Carries<E, C> {
    /// The type of events that carry it.
    by: &'static str,
    field: &'static str,
    what: fn(&E) -> Option<&C>,
}

/// A fact that asks for nothing came as far as to be reacted to: a fault of the program.
#[derive(Debug, thiserror::Error)]
#[error("the fact asks for nothing")]
struct AsksForNothing;

impl<E: EventType, A: OfStep, R> Reacting<E, A, R> {
    /// A reaction to facts; `asks` says what each asks for. One that asks for nothing is ignored.
    pub fn to(asks: fn(&E) -> Option<A>, reaction: R) -> Self {
        Self {
            asks,
            carries: None,
            reaction,
        }
    }

    /// The same, where an event of type `T` that follows carries this on, in this field of its data.
    pub fn telling<T: EventType, C: Serialize>(
        self,
        field: &'static str,
        what: fn(&E) -> Option<&C>,
    ) -> Reacting<E, A, R, C> {
        Reacting {
            asks: self.asks,
            carries: Some(Carries {
                by: T::TYPE,
                field,
                what,
            }),
            reaction: self.reaction,
        }
    }
}

impl<E: EventType, A: OfStep, R, C: Serialize> Reacting<E, A, R, C> {
    fn asked(&self, event: &Envelope<E>) -> Option<Envelope<A>> {
        Some(Envelope {
            id: event.id.clone(),
            event_type: event.event_type.clone(),
            source: event.source.clone(),
            subject: event.subject.clone(),
            sequence: event.sequence,
            timestamp: event.timestamp,
            correlation_id: event.correlation_id.clone(),
            causation_id: event.causation_id.clone(),
            data: (self.asks)(&event.data)?,
            metadata: event.metadata.clone(),
        })
    }

    fn carried(&self, event: &E, work: UnitOfWork) -> Result<UnitOfWork, UnwritableEvent> {
        let Some(Carries { by, field, what }) = &self.carries else {
            return Ok(work);
        };
        let Some(what) = what(event) else {
            return Ok(work);
        };
        let emits = work.emits.into_iter().map(|draft| {
            if draft.event_type() == *by {
                draft.carrying(field, what)
            } else {
                Ok(draft)
            }
        });
        Ok(UnitOfWork {
            emits: emits.collect::<Result<_, UnwritableEvent>>()?,
            ..work
        })
    }
}

#[async_trait]
impl<E, A, R, C> StoreEffect<E> for Reacting<E, A, R, C>
where
    E: EventType,
    A: OfStep,
    R: StoreEffect<A>,
    C: Serialize + 'static,
{
    fn concerns(&self, event: &Envelope<E>) -> bool {
        (self.asks)(&event.data).is_some()
    }

    async fn plan(&self, event: &Envelope<E>, view: &View<'_>) -> Result<Plan, Failure> {
        let asked = self.asked(event).ok_or(AsksForNothing);
        let asked = asked.map_err(Failure::retry)?;
        Ok(match self.reaction.plan(&asked, view).await? {
            Plan::Apply(work) => Plan::Apply(self.carried(&event.data, work)?),
            Plan::Stale(work) => Plan::Stale(self.carried(&event.data, work)?),
        })
    }
}

#[async_trait]
impl<E, A, R, C> OutsideEffect<E> for Reacting<E, A, R, C>
where
    E: EventType,
    A: OfStep,
    R: OutsideEffect<A>,
    C: Serialize + 'static,
{
    type Output = R::Output;

    fn concerns(&self, event: &Envelope<E>) -> bool {
        (self.asks)(&event.data).is_some()
    }

    async fn fence(&self, event: &Envelope<E>, view: &View<'_>) -> Result<Fencing, Failure> {
        let asked = self.asked(event).ok_or(AsksForNothing);
        self.reaction
            .fence(&asked.map_err(Failure::retry)?, view)
            .await
    }

    async fn act(
        &self,
        event: &Envelope<E>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<Self::Output>, Failure> {
        let asked = self.asked(event).ok_or(AsksForNothing);
        let asked = asked.map_err(Failure::retry)?;
        self.reaction.act(&asked, attempt, view).await
    }

    async fn remember_meanwhile(
        &self,
        event: &Envelope<E>,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        match self.asked(event) {
            Some(asked) => self.reaction.remember_meanwhile(&asked, view).await,
            None => Ok(Vec::new()),
        }
    }

    async fn remember(
        &self,
        event: &Envelope<E>,
        end: End<'_, Self::Output>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let Some(asked) = self.asked(event) else {
            return Ok(UnitOfWork::default());
        };
        let work = self.reaction.remember(&asked, end, view).await?;
        self.carried(&event.data, work).map_err(|_| {
            let cannot_be_told = MalformedDocument {
                field: "outcome".to_owned(),
                expected: "an outcome that can be told",
            };
            cannot_be_told.into()
        })
    }
}
