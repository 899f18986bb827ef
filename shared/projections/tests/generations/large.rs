//! Events that make more rows than one commit takes, and rows that no commit takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::Failure;
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_projections::{
    Freshness, Projection, Projects, Reading, Row, Rows, Shown, Stage, rows_of,
};
use fanout_runtime::{BoxError, Timestamp};
use fanout_store::{CommitError, Documents, Fields, StoreError, Write, all_documents};
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments};

use crate::world::{CHANGES, NAME, World};

const A_WHILE: Duration = Duration::from_secs(40);

/// How many rows each user makes.
const MANY: usize = 1_000;
/// How large one of a few is: as many as a commit has otherwise are more than 10 MiB.
const LARGE: usize = 30 * 1024;

fn row(user: &Envelope<UserCreated>, number: usize, content: &str) -> Row {
    let content = Fields::new().with("sequence", 1_u64).with("text", content);
    Row::fixed(CHANGES, &format!("{}.{number}", user.subject), content)
}

struct Many;

#[async_trait]
impl Projects<UserCreated> for Many {
    async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        Ok((0..MANY).map(|number| row(user, number, "")).collect())
    }
}

struct Large;

#[async_trait]
impl Projects<UserCreated> for Large {
    async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        let content = "x".repeat(LARGE);
        Ok((0..400).map(|number| row(user, number, &content)).collect())
    }
}

/// The first user's row has a time that no store takes.
struct Unstorable;

#[async_trait]
impl Projects<UserCreated> for Unstorable {
    async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        let last: Timestamp = "9999-12-31T23:59:59Z".parse().unwrap();
        let late = match user.subject == "usr_1" {
            true => last + Duration::from_secs(1),
            false => last,
        };
        let content = Fields::new().with("sequence", 1_u64).with("at", late);
        Ok(vec![Row::fixed(CHANGES, &user.subject, content)].into())
    }
}

/// Notes how many writes the largest commit has; the commit of this number fails.
struct Watched {
    most: Arc<AtomicUsize>,
    fails: usize,
}

#[async_trait]
impl CommitHook for Watched {
    async fn before(&self, number: usize, writes: &[Write]) -> HookedCommit {
        self.most.fetch_max(writes.len(), Ordering::SeqCst);
        if number == self.fails {
            let gone = StoreError::Unavailable(BoxError::from("gone"));
            return HookedCommit::Fails(CommitError::Store(gone));
        }
        HookedCommit::Made
    }
}

async fn world_of(users: usize) -> World {
    let mut world = World::new(1).await;
    for user in 1..=users {
        world.tell(&format!("usr_{user}"), false).await;
    }
    world
}

async fn rows(world: &World, generation: u64) -> usize {
    let documents = world.documents.as_ref();
    let rows = all_documents(documents, rows_of(CHANGES, generation)).await;
    rows.unwrap().len()
}

/// Rebuilds, the commit of this number failing; answers how many writes the largest commit had.
async fn rebuild(world: &World, projection: &Projection, fails: usize) -> usize {
    let most = Arc::new(AtomicUsize::new(0));
    let hook = Watched {
        most: Arc::clone(&most),
        fails,
    };
    let inner: Arc<dyn Documents> = Arc::clone(&world.documents);
    let watched = HookedDocuments::new(inner, hook);
    let rebuilds = world.rebuilds(projection, Freshness::EachTime, watched);
    rebuilds.begin(NAME, false).await.unwrap();
    let failed = u64::from(fails > 0);
    assert_eq!(rebuilds.advance(A_WHILE).await.failed, failed);
    rebuilds.advance(A_WHILE).await;
    most.load(Ordering::SeqCst)
}

#[tokio::test]
async fn an_event_of_many_rows_is_stored_up_to_400_rows_a_commit() {
    let world = world_of(9).await;
    let many = Projection::named(NAME, &[CHANGES]).on::<UserCreated, Many>();
    let most = rebuild(&world, &many, 0).await;
    assert!(most <= 401, "{most} writes in a commit");
    assert_eq!(world.standing().await.live, 2);
    assert_eq!(rows(&world, 2).await, 9 * MANY);
}

#[tokio::test]
async fn an_event_of_which_a_part_was_stored_is_gone_on_with() {
    let world = world_of(2).await;
    let many = Projection::named(NAME, &[CHANGES]).on::<UserCreated, Many>();
    // Two commits begin it, and three are the first event's: this is the second one of the last.
    rebuild(&world, &many, 7).await;
    assert_eq!(world.standing().await.live, 2);
    assert_eq!(rows(&world, 2).await, 2 * MANY);
}

#[tokio::test]
async fn rows_that_are_too_large_for_one_commit_are_stored_in_several() {
    let world = world_of(2).await;
    let large = Projection::named(NAME, &[CHANGES]).on::<UserCreated, Large>();
    rebuild(&world, &large, 0).await;
    assert_eq!(world.standing().await.live, 2);
    assert_eq!(rows(&world, 2).await, 2 * 400);
}

#[tokio::test]
async fn an_event_whose_rows_no_store_takes_is_skipped_and_counted() {
    let world = world_of(3).await;
    let projection = Projection::named(NAME, &[CHANGES]).on::<UserCreated, Unstorable>();
    let documents = Arc::clone(&world.documents);
    let rebuilds = world.rebuilds(&projection, Freshness::EachTime, documents);
    rebuilds.begin(NAME, false).await.unwrap();
    let mut standing = world.standing().await;
    while !standing.building.as_ref().is_some_and(is_read) {
        assert_eq!(rebuilds.advance(Duration::ZERO).await.failed, 0);
        standing = world.standing().await;
    }
    let building = Shown::of(standing).building.unwrap();
    assert_eq!(
        (building.events, building.skipped, building.rows),
        (3, 1, 2)
    );
    rebuilds.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 2);
    assert_eq!(rows(&world, 2).await, 2);
}

fn is_read(building: &fanout_projections::Building) -> bool {
    matches!(building.stage, Stage::Comparing { .. })
}
