//! What every consumer does with a sign-up: a document that counts how often it was done.

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Plan, StoreEffect, View};
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_store::{Collection, Documents, Fields, Key, Pages, Query, Write};

const REACTIONS: &Collection = &Collection::named("reactions").no_automatic_indexes();
const TIMES: &str = "times";
const PAGE: u32 = 1_000;

/// A consumer of this name.
pub(super) fn consumer(name: &'static str) -> Consumer {
    Consumer::named(name).on::<UserCreated>(Count(name))
}

struct Count(&'static str);

#[async_trait]
impl StoreEffect<UserCreated> for Count {
    async fn plan(&self, event: &Envelope<UserCreated>, _: &View<'_>) -> Result<Plan, Failure> {
        let key = Key::new(REACTIONS, &format!("{}:{}", self.0, event.subject));
        let counted = Write::merge(key, Fields::new()).increment(TIMES, 1);
        Ok(Plan::Apply(vec![counted].into()))
    }
}

/// How many reactions there are, and how often all of them were made.
pub(super) async fn counted(documents: &dyn Documents) -> anyhow::Result<(usize, usize)> {
    let (mut reactions, mut times) = (0, 0);
    let mut pages = Pages::of(Query::of(REACTIONS).limit(PAGE));
    while let Some(page) = pages.next(documents).await? {
        for reaction in page {
            reactions += 1;
            times += usize::try_from(reaction.fields.count(TIMES)?)?;
        }
    }
    Ok((reactions, times))
}
