//! One type of event and what a consumer does with it, with the type forgotten: the pipeline knows
//! none.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_events::{DecodeError, Envelope, Event, EventType, KnownType};
use fanout_store::{ReadError, Write};

use crate::effect::{
    Acted, Attempt, End, EventEffect, Failure, Fencing, OutsideEffect, Plan, StoreEffect,
    UnitOfWork,
};
use crate::view::View;

/// Reads an event as its type, and ties it to its effect. An error says that it will never be one of
/// this type.
pub(super) type Handler = Arc<dyn Fn(&Event) -> Result<Bound, DecodeError> + Send + Sync>;

/// An event that has been read, and its effect.
pub(super) enum Bound {
    InStore(Box<dyn Planned>),
    Outside(Box<dyn Outside>),
    /// The event is no business of the effect.
    OfNoConcern,
}

/// [`StoreEffect`] on one event.
#[async_trait]
pub(super) trait Planned: Send + Sync {
    async fn plan(&self, view: &View<'_>) -> Result<Plan, Failure>;
}

/// [`OutsideEffect`] on one event.
#[async_trait]
pub(super) trait Outside: Send + Sync {
    async fn fence(&self, view: &View<'_>) -> Result<Fencing, Failure>;
    async fn act(&self, attempt: &Attempt, view: &View<'_>) -> Result<Acted<ActDone>, Failure>;
    async fn remember_meanwhile(&self, view: &View<'_>) -> Result<Vec<Write>, ReadError>;
    async fn remember_parked(
        &self,
        reason: &'static str,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError>;
}

pub(super) type ActDone = Box<dyn Remember>;

#[async_trait]
pub(super) trait Remember: Send + Sync {
    async fn remember(&self, view: &View<'_>) -> Result<UnitOfWork, ReadError>;
}

pub(super) fn in_store<T: EventType, E: StoreEffect<T>>(effect: E) -> Handler {
    reading(effect, E::concerns, |bound| Bound::InStore(bound))
}

pub(super) fn outside<T: EventType, E: OutsideEffect<T>>(effect: E) -> Handler {
    reading(effect, E::concerns, |bound| Bound::Outside(bound))
}

/// Reads events as `T`, and binds those that are business of the effect.
fn reading<T: EventType, E: Send + Sync + 'static>(
    effect: E,
    concerns: fn(&E, &Envelope<T>) -> bool,
    bind: fn(Box<OnEvent<T, E>>) -> Bound,
) -> Handler {
    let effect = Arc::new(effect);
    Arc::new(move |event: &Event| {
        let event = Arc::new(event.read::<T>()?);
        if !concerns(&effect, &event) {
            return Ok(Bound::OfNoConcern);
        }
        let effect = Arc::clone(&effect);
        Ok(bind(Box::new(OnEvent { event, effect })))
    })
}

pub(super) fn of_known(known: KnownType, effect: Arc<dyn EventEffect>) -> Handler {
    Arc::new(move |event: &Event| {
        (known.check)(event)?;
        let (event, effect) = (event.clone(), Arc::clone(&effect));
        Ok(Bound::InStore(Box::new(OnKnown { event, effect })))
    })
}

struct OnKnown {
    event: Event,
    effect: Arc<dyn EventEffect>,
}

struct OnEvent<T, E> {
    event: Arc<Envelope<T>>,
    effect: Arc<E>,
}

struct Done<T, E, O> {
    event: Arc<Envelope<T>>,
    effect: Arc<E>,
    output: O,
}

#[async_trait]
impl Planned for OnKnown {
    async fn plan(&self, view: &View<'_>) -> Result<Plan, Failure> {
        self.effect.plan(&self.event, view).await
    }
}

#[async_trait]
impl<T: EventType, E: StoreEffect<T>> Planned for OnEvent<T, E> {
    async fn plan(&self, view: &View<'_>) -> Result<Plan, Failure> {
        self.effect.plan(&self.event, view).await
    }
}

#[async_trait]
impl<T: EventType, E: OutsideEffect<T>> Outside for OnEvent<T, E> {
    async fn fence(&self, view: &View<'_>) -> Result<Fencing, Failure> {
        self.effect.fence(&self.event, view).await
    }

    async fn act(&self, attempt: &Attempt, view: &View<'_>) -> Result<Acted<ActDone>, Failure> {
        Ok(match self.effect.act(&self.event, attempt, view).await? {
            Acted::Done(output) => Acted::Done(Box::new(Done {
                event: Arc::clone(&self.event),
                effect: Arc::clone(&self.effect),
                output,
            })),
            Acted::Stale => Acted::Stale,
        })
    }

    async fn remember_meanwhile(&self, view: &View<'_>) -> Result<Vec<Write>, ReadError> {
        self.effect.remember_meanwhile(&self.event, view).await
    }

    async fn remember_parked(
        &self,
        reason: &'static str,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let end = End::Parked(reason);
        self.effect.remember(&self.event, end, view).await
    }
}

#[async_trait]
impl<T: EventType, E: OutsideEffect<T>> Remember for Done<T, E, E::Output> {
    async fn remember(&self, view: &View<'_>) -> Result<UnitOfWork, ReadError> {
        let end = End::Done(&self.output);
        self.effect.remember(&self.event, end, view).await
    }
}
