//! An event at every moment of a rebuild: before each single call that it makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanout_projections::Freshness;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use tokio::sync::Mutex;

use crate::world::{CACHED, Instance, NAME, World, names};

/// Documents before one of whose calls something happens.
struct Moment {
    inner: Arc<dyn Documents>,
    calls: AtomicUsize,
    at: usize,
    happens: Happens,
}

struct Happens {
    world: Arc<Mutex<World>>,
    instance: Instance,
    /// Whether the event is delivered then, or long after.
    is_delivered: bool,
}

impl Moment {
    async fn next(&self) {
        if self.calls.fetch_add(1, Ordering::SeqCst) == self.at {
            let mut world = self.happens.world.lock().await;
            world.tell("usr_1", false).await;
            if self.happens.is_delivered {
                let event = world.told.len() - 1;
                world.deliver(event, &self.happens.instance).await;
                assert!(world.done.contains(&event), "call {}", self.at);
            }
        }
    }
}

#[async_trait]
impl Documents for Moment {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.next().await;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.next().await;
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.next().await;
        self.inner.commit(writes).await
    }
}

/// A rebuild with an event before its `at`th call; false if it makes fewer.
async fn rebuild(at: usize, freshness: Freshness, is_delivered: bool) -> bool {
    let mut world = World::new(7).await;
    let documents = Arc::clone(&world.documents);
    let instance = world.instance(&names(), freshness, Arc::clone(&documents));
    for user in ["usr_1", "usr_2", "usr_3"] {
        for _ in 0..2 {
            world.tell(user, false).await;
            let event = world.told.len() - 1;
            world.deliver(event, &instance).await;
            world.clock.advance(Duration::from_secs(1));
        }
    }
    let world = Arc::new(Mutex::new(world));
    let moment = {
        let world_now = world.lock().await;
        let instance = world_now.instance(&names(), freshness, Arc::clone(&documents));
        // It knows how it stood before.
        world_now.nothing_is_missed(&instance).await.unwrap();
        Arc::new(Moment {
            inner: documents,
            calls: AtomicUsize::new(0),
            at,
            happens: Happens {
                world: Arc::clone(&world),
                instance,
                is_delivered,
            },
        })
    };
    let (rebuilds, clock) = {
        let world = world.lock().await;
        let rebuilds = world.rebuilds(&names(), freshness, moment.clone());
        (rebuilds, Arc::clone(&world.clock))
    };
    rebuilds.begin(NAME, false).await.unwrap();
    for _ in 0..4 {
        rebuilds.advance(Duration::from_secs(40)).await;
        clock.advance(Duration::from_secs(20));
    }
    let mut world = world.lock().await;
    for event in 0..world.told.len() {
        world.deliver(event, &instance).await;
        assert!(world.done.contains(&event), "call {at}");
    }
    let standing = world.standing().await;
    assert_eq!((standing.live, &standing.refused), (2, &None), "call {at}");
    world.nothing_is_missed(&instance).await.unwrap();
    world.all_agree().await.unwrap();
    moment.calls.load(Ordering::SeqCst) > at
}

async fn at_every_moment(freshness: Freshness) {
    for is_delivered in [true, false] {
        let mut at = 0;
        while rebuild(at, freshness, is_delivered).await {
            at += 1;
        }
        assert!(at > 10, "{at} calls");
    }
}

#[tokio::test]
async fn an_event_at_any_moment_of_a_rebuild_is_in_both_generations() {
    at_every_moment(Freshness::EachTime).await;
}

#[tokio::test]
async fn an_event_at_any_moment_of_a_rebuild_is_in_both_where_knowledge_is_cached() {
    at_every_moment(CACHED).await;
}
