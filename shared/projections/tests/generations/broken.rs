//! Broken variants: the stories must notice each. A law that none of these breaks says nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::Failure;
use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::Envelope;
use fanout_outbox::EVENTS;
use fanout_projections::{Freshness, PROJECTIONS, Projection, Projects, Reading, Row, Rows};
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Fields, Key, Page, Query, StoreError, Write,
};

use crate::random::{Setup, story};
use crate::world::{CACHED, CHANGES, NAME, NAMES};

/// How many stories are told until one must have noticed.
const ENOUGH: u64 = 60;

/// Documents in which something cannot be seen.
struct Blind {
    inner: Arc<dyn Documents>,
    /// A field of the projection's document.
    to_field: Option<&'static str>,
    to_events: bool,
}

#[async_trait]
impl Documents for Blind {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let mut found = self.inner.get_many(keys).await?;
        for document in found.iter_mut().flatten() {
            if let (true, Some(field)) = (document.key.is_in(PROJECTIONS), self.to_field) {
                document.fields.remove(field);
            }
        }
        Ok(found)
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        if self.to_events && query.collection == EVENTS {
            return Ok(query.page(Vec::new()));
        }
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await
    }
}

fn blind_to_field(inner: Arc<dyn Documents>, field: &'static str) -> Arc<dyn Documents> {
    Arc::new(Blind {
        inner,
        to_field: Some(field),
        to_events: false,
    })
}

async fn is_noticed(setup: Setup) {
    for seed in 0..ENOUGH {
        if story(seed, &setup).await.is_err() {
            return;
        }
    }
    panic!("not noticed in {ENOUGH} stories");
}

#[tokio::test]
async fn events_that_make_no_rows_in_what_is_being_built_are_noticed() {
    is_noticed(Setup {
        instance_sees: |documents| blind_to_field(documents, "building"),
        ..Setup::sound(Freshness::EachTime)
    })
    .await;
}

#[tokio::test]
async fn events_that_make_no_rows_in_what_was_live_are_noticed() {
    is_noticed(Setup {
        instance_sees: |documents| blind_to_field(documents, "previous"),
        ..Setup::sound(Freshness::EachTime)
    })
    .await;
}

#[tokio::test]
async fn a_rebuild_that_does_not_wait_for_the_instances_knowledge_is_noticed() {
    is_noticed(Setup {
        rebuilds: Freshness::EachTime,
        ..Setup::sound(CACHED)
    })
    .await;
}

#[tokio::test]
async fn knowledge_that_never_gets_old_is_noticed() {
    let day = Duration::from_secs(24 * 60 * 60);
    is_noticed(Setup {
        instances: Freshness::Cached(day),
        ..Setup::sound(CACHED)
    })
    .await;
}

#[tokio::test]
async fn a_switch_before_the_past_was_read_is_noticed() {
    let setup = |accepts_missing| Setup {
        rebuild_sees: |inner| {
            Arc::new(Blind {
                inner,
                to_field: None,
                to_events: true,
            })
        },
        accepts_missing,
        ..Setup::sound(Freshness::EachTime)
    };
    // By its readers, and where it may be by the comparison before it.
    is_noticed(setup(true)).await;
    is_noticed(setup(false)).await;
}

/// Writes what an event says over what a later one has said.
struct Unguarded;

fn unguarded(subject: &str, sequence: u64, name: Option<&str>) -> Rows {
    let now = Fields::new().with("version", sequence).with("name", name);
    let change = Fields::new().with("sequence", sequence);
    vec![
        Row::fixed(NAMES, subject, now),
        Row::fixed(CHANGES, &format!("{subject}.{sequence}"), change),
    ]
    .into()
}

#[async_trait]
impl Projects<UserCreated> for Unguarded {
    async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        let name = user.data.name.expose();
        Ok(unguarded(&user.subject, user.sequence, Some(name)))
    }
}

#[async_trait]
impl Projects<UserUpdated> for Unguarded {
    async fn rows(user: &Envelope<UserUpdated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        let name = user.data.name.expose();
        Ok(unguarded(&user.subject, user.sequence, Some(name)))
    }
}

#[async_trait]
impl Projects<UserDeleted> for Unguarded {
    async fn rows(user: &Envelope<UserDeleted>, _: &Reading<'_>) -> Result<Rows, Failure> {
        Ok(unguarded(&user.subject, user.sequence, None))
    }
}

#[tokio::test]
async fn rows_that_a_late_event_overwrites_are_noticed() {
    is_noticed(Setup {
        projection: || {
            Projection::named(NAME, &[NAMES, CHANGES])
                .on::<UserCreated, Unguarded>()
                .on::<UserUpdated, Unguarded>()
                .on::<UserDeleted, Unguarded>()
        },
        ..Setup::sound(Freshness::EachTime)
    })
    .await;
}
