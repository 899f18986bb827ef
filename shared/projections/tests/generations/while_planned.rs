//! A whole rebuild while an event is being planned, which then finds the write model changed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::Failure;
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_projections::{Freshness, Projection, Projects, Reading, Rebuilds, Row, Rows, row_key};
use fanout_store::{
    Collection, CommitError, CommitReceipt, Document, Documents, Fields, Key, Page, Query,
    StoreError, Write,
};

use crate::world::{NAME, NAMES, World};

const PRESENT: &Collection = &Collection::named("test_present");
const USER: &str = "usr_1";

/// A row for who is present, as the write model has it.
struct IfPresent;

#[async_trait]
impl Projects<UserCreated> for IfPresent {
    async fn rows(user: &Envelope<UserCreated>, reading: &Reading<'_>) -> Result<Rows, Failure> {
        let found = reading
            .get_many(&[Key::new(PRESENT, &user.subject)])
            .await?;
        let present = found.into_iter().flatten();
        let row = |_| Row::fixed(NAMES, &user.subject, Fields::new());
        Ok(present.map(row).collect())
    }
}

/// Before the write model is read for the first time, a rebuild goes from its begin to its end; then
/// the user is present.
struct Meanwhile {
    inner: Arc<dyn Documents>,
    rebuilds: Mutex<Option<Rebuilds>>,
}

#[async_trait]
impl Documents for Meanwhile {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let rebuilds = match keys.iter().any(|key| key.is_in(PRESENT)) {
            true => self.rebuilds.lock().unwrap().take(),
            false => None,
        };
        if let Some(rebuilds) = rebuilds {
            rebuilds.begin(NAME, false).await.unwrap();
            rebuilds.advance(Duration::from_secs(40)).await;
            let present = Write::set(Key::new(PRESENT, USER), Fields::new());
            self.inner.commit(vec![present]).await.unwrap();
        }
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await
    }
}

#[tokio::test]
async fn what_an_event_finds_after_a_rebuild_has_begun_is_in_both_generations() {
    let mut world = World::new(1).await;
    let projection = Projection::named(NAME, &[NAMES]).on::<UserCreated, IfPresent>();
    let (freshness, inner) = (Freshness::EachTime, Arc::clone(&world.documents));
    let rebuilds = world.rebuilds(&projection, freshness, Arc::clone(&inner));
    let sees: Arc<dyn Documents> = Arc::new(Meanwhile {
        inner: Arc::clone(&inner),
        rebuilds: Mutex::new(Some(rebuilds)),
    });
    let instance = world.instance(&projection, freshness, sees);
    world.tell(USER, false).await;
    world.deliver(0, &instance).await;
    assert!(world.done.contains(&0));
    assert_eq!(world.standing().await.live, 2);
    for generation in [1, 2] {
        let row = inner.get(&row_key(NAMES, generation, USER)).await.unwrap();
        assert!(row.is_some(), "generation {generation}");
    }
}
