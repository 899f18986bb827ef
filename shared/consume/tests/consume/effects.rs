//! Effects that do as they are told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fanout_consume::{
    Acted, Attempt, Consumer, End, Failure, Fencing, OUTCOME_UNKNOWN, OutsideEffect, Plan,
    StoreEffect, UnitOfWork, View,
};
use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::Envelope;
use fanout_outbox::Draft;
use fanout_store::{Collection, Document, Fields, Key, ReadError, Write};
use tokio::time::Instant;

use super::scene::TESTED;

/// What the effects write.
pub(crate) const THINGS: &Collection = &Collection::named("things");

pub(crate) fn thing(id: &str) -> Key {
    Key::new(THINGS, id)
}

/// An event that follows, about another subject.
pub(crate) fn follow_up(subject: &str, sequence: u64) -> Draft {
    let data = UserDeleted {
        user_id: subject.to_owned(),
    };
    Draft::of(subject, sequence, &data).unwrap()
}

type Planning = dyn Fn(u32) -> Result<Plan, Failure> + Send + Sync;

/// An effect in the store that plans as it is told, given the conflicts so far.
pub(crate) struct Planned(Box<Planning>);

impl Planned {
    pub(crate) fn consumer(
        plan: impl Fn(u32) -> Result<Plan, Failure> + Send + Sync + 'static,
    ) -> Consumer {
        Consumer::named(TESTED).on::<UserCreated>(Self(Box::new(plan)))
    }
}

#[async_trait]
impl StoreEffect<UserCreated> for Planned {
    async fn plan(&self, _: &Envelope<UserCreated>, view: &View<'_>) -> Result<Plan, Failure> {
        (self.0)(view.conflicts())
    }
}

/// What happens to the next act.
pub(crate) enum Next {
    Acts(&'static str),
    /// It takes this long, and is then done.
    TakesLong(std::time::Duration),
    Hangs,
    Fails {
        may_have_acted: bool,
    },
    IsPutOff,
    Parks,
    ParksWithoutAnswer,
    Stale,
}

/// What an outside effect was asked for.
#[derive(Default)]
pub(crate) struct Told {
    next: Mutex<VecDeque<Next>>,
    acts: Mutex<Vec<Attempt>>,
    began: Mutex<Vec<Instant>>,
    fences: Mutex<Vec<u32>>,
    remembered: Mutex<Vec<(String, u32)>>,
    /// What a claim writes beside its mark.
    pub(crate) fence: Mutex<Option<Result<Vec<Write>, Failure>>>,
    /// How often what is remembered depends on a document not being there.
    pub(crate) careful: Mutex<u32>,
    /// What the act saw of the fence.
    pub(crate) seen_by_act: Mutex<Option<Document>>,
}

impl Told {
    pub(crate) fn next(&self, next: Next) {
        self.next.lock().unwrap().push_back(next);
    }

    pub(crate) fn acts(&self) -> Vec<Attempt> {
        self.acts.lock().unwrap().clone()
    }

    /// How many tries before it each act was told of that may have acted.
    pub(crate) fn unanswered(&self) -> Vec<u64> {
        self.acts().iter().map(|it| it.unanswered).collect()
    }

    /// When the acts began.
    pub(crate) fn began(&self) -> Vec<Instant> {
        self.began.lock().unwrap().clone()
    }

    /// The conflicts that each call for a fence has seen.
    pub(crate) fn fences(&self) -> Vec<u32> {
        self.fences.lock().unwrap().clone()
    }

    /// What was to be remembered, with the conflicts of each call.
    pub(crate) fn remembered(&self) -> Vec<(String, u32)> {
        self.remembered.lock().unwrap().clone()
    }
}

/// An outside effect that does as it is told; by default it acts.
pub(crate) struct Acting(pub(crate) Arc<Told>);

impl Acting {
    pub(crate) fn consumer() -> (Arc<Told>, Consumer) {
        let told = Arc::<Told>::default();
        let consumer = Consumer::named(TESTED)
            .acting_on::<UserCreated>(Self(Arc::clone(&told)))
            .acting_on::<UserUpdated>(Self(Arc::clone(&told)));
        (told, consumer)
    }
}

#[async_trait]
impl<T: fanout_events::EventType> OutsideEffect<T> for Acting {
    type Output = &'static str;

    async fn fence(&self, _: &Envelope<T>, view: &View<'_>) -> Result<Fencing, Failure> {
        self.0.fences.lock().unwrap().push(view.conflicts());
        match self.0.fence.lock().unwrap().as_mut() {
            None => Ok(Fencing::default()),
            Some(Ok(writes)) => Ok(writes.clone().into()),
            Some(failure @ Err(_)) => std::mem::replace(failure, Ok(Vec::new())).map(Fencing::from),
        }
    }

    async fn act(
        &self,
        _: &Envelope<T>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<&'static str>, Failure> {
        self.0.acts.lock().unwrap().push(*attempt);
        self.0.began.lock().unwrap().push(Instant::now());
        let fence = view.get(&thing("fence")).await?;
        *self.0.seen_by_act.lock().unwrap() = fence;
        let next = self.0.next.lock().unwrap().pop_front();
        match next {
            None => Ok(Acted::Done("acted")),
            Some(Next::Acts(output)) => Ok(Acted::Done(output)),
            Some(Next::TakesLong(time)) => {
                tokio::time::sleep(time).await;
                Ok(Acted::Done("at last"))
            }
            Some(Next::Hangs) => std::future::pending().await,
            Some(Next::Fails { may_have_acted }) => Err(Failure::Retry {
                cause: "the other side is down".into(),
                may_have_acted,
            }),
            Some(Next::IsPutOff) => Err(Failure::Later("not now".into())),
            Some(Next::Parks) => Err(Failure::Park {
                reason: "refused",
                detail: "the other side refused it".to_owned(),
            }),
            Some(Next::ParksWithoutAnswer) => Err(Failure::Park {
                reason: OUTCOME_UNKNOWN,
                detail: "the other side did not answer".to_owned(),
            }),
            Some(Next::Stale) => Ok(Acted::Stale),
        }
    }

    async fn remember(
        &self,
        event: &Envelope<T>,
        end: End<'_, &'static str>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let end = match end {
            End::Done(output) => *output,
            End::Parked(reason) => reason,
        };
        let call = (end.to_owned(), view.conflicts());
        self.0.remembered.lock().unwrap().push(call);
        let fields = Fields::new().with("end", end);
        let write = if view.conflicts() < *self.0.careful.lock().unwrap() {
            Write::create(thing("remembered"), fields)
        } else {
            Write::set(thing("remembered"), fields)
        };
        let follows = follow_up(&format!("after_{}", event.id), 1);
        Ok(UnitOfWork::from(vec![write]).emit(follows))
    }
}
