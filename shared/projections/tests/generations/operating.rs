//! What operators and new builds do to a projection.

use std::sync::Arc;
use std::time::Duration;

use fanout_projections::{Freshness, Projection, RebuildError, Rebuilds, Shown, Stage};
use fanout_store::{Query, all_documents};

use crate::world::{CACHE, CACHED, CHANGES, Instance, NAME, NAMES, World, names};

const A_WHILE: Duration = Duration::from_secs(40);

async fn scene() -> (World, Instance, Rebuilds) {
    let mut world = World::new(1).await;
    let documents = Arc::clone(&world.documents);
    let instance = world.instance(&names(), Freshness::EachTime, Arc::clone(&documents));
    for user in ["usr_1", "usr_2", "usr_1"] {
        world.tell(user, false).await;
        let event = world.told.len() - 1;
        world.deliver(event, &instance).await;
    }
    let rebuilds = world.rebuilds(&names(), Freshness::EachTime, documents);
    (world, instance, rebuilds)
}

async fn rows(world: &World) -> usize {
    let documents = world.documents.as_ref();
    let names = all_documents(documents, Query::of(NAMES)).await.unwrap();
    let changes = all_documents(documents, Query::of(CHANGES)).await.unwrap();
    names.len() + changes.len()
}

#[tokio::test]
async fn a_rebuild_switches_rolls_back_and_forth_and_leaves_nothing_behind_after_a_day() {
    let (world, instance, rebuilds) = scene().await;
    let begun = rebuilds.begin(NAME, false).await.unwrap();
    let again = rebuilds.begin(NAME, false).await.unwrap();
    assert_eq!(begun.newest, 2);
    assert_eq!(again.newest, 2, "what is being built goes on");
    let report = rebuilds.advance(A_WHILE).await;
    assert_eq!((report.events, report.building, report.failed), (3, 0, 0));
    assert_eq!(Shown::of(world.standing().await).live, 2);
    for live in [1, 2] {
        let standing = rebuilds.roll_back(NAME).await.unwrap();
        assert_eq!(standing.live, live);
        world.nothing_is_missed(&instance).await.unwrap();
        world.all_agree().await.unwrap();
    }
    assert_eq!(rows(&world).await, 2 * 5);
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    rebuilds.advance(A_WHILE).await;
    assert_eq!(rows(&world).await, 5);
    let too_late = rebuilds.roll_back(NAME).await.unwrap_err();
    assert!(matches!(too_late, RebuildError::NoWayBack), "{too_late}");
    let unknown = rebuilds.begin("other", false).await.unwrap_err();
    assert!(
        matches!(unknown, RebuildError::NoSuchProjection),
        "{unknown}"
    );
}

#[tokio::test]
async fn what_comes_after_a_switch_is_there_on_the_way_back_too() {
    let (mut world, instance, rebuilds) = scene().await;
    rebuilds.begin(NAME, false).await.unwrap();
    rebuilds.advance(A_WHILE).await;
    world.tell("usr_1", false).await;
    world.deliver(3, &instance).await;
    for live in [1, 2] {
        let standing = rebuilds.roll_back(NAME).await.unwrap();
        assert_eq!(standing.live, live);
        world.nothing_is_missed(&instance).await.unwrap();
        world.all_agree().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_being_built_is_given_up_when_an_operator_says_so() {
    let (world, instance, rebuilds) = scene().await;
    let nothing = rebuilds.cancel(NAME).await.unwrap_err();
    assert!(matches!(nothing, RebuildError::NothingBuilt), "{nothing}");
    rebuilds.begin(NAME, false).await.unwrap();
    // One commit begins to read, and one is of each type.
    for _ in 0..4 {
        rebuilds.advance(Duration::ZERO).await;
    }
    assert_eq!(rows(&world).await, 2 * 5, "both generations have rows");
    let standing = rebuilds.cancel(NAME).await.unwrap();
    assert_eq!((standing.live, standing.building), (1, None));
    rebuilds.advance(A_WHILE).await;
    assert_eq!(rows(&world).await, 5, "its rows are gone again");
    world.nothing_is_missed(&instance).await.unwrap();
    // The next one begins anew.
    rebuilds.begin(NAME, false).await.unwrap();
    rebuilds.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 3);
    world.all_agree().await.unwrap();
}

#[tokio::test]
async fn a_raised_schema_builds_the_next_generation_by_itself_and_is_not_compared() {
    let (world, _, rebuilds) = scene().await;
    rebuilds.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 1);
    // Of another shape: it has no changes.
    let raised: Projection = names().schema(2);
    let rebuilds = world.rebuilds(&raised, Freshness::EachTime, Arc::clone(&world.documents));
    rebuilds.advance(A_WHILE).await;
    let standing = world.standing().await;
    assert_eq!((standing.live, standing.live_schema), (2, 2));
    // The way back is not undone by the next run.
    rebuilds.roll_back(NAME).await.unwrap();
    rebuilds.advance(A_WHILE).await;
    let standing = world.standing().await;
    assert_eq!((standing.live, standing.live_schema), (1, 1));
    assert!(standing.building.is_none());
}

#[tokio::test]
async fn a_generation_that_lacks_what_shows_is_not_used_unless_that_is_accepted() {
    let (mut world, instance, rebuilds) = scene().await;
    // What is older than what a rebuild reads has rows all the same.
    world.clock.advance(Duration::from_secs(100));
    world.tell("usr_3", false).await;
    world.deliver(3, &instance).await;
    let short = names().history(Duration::from_secs(50));
    let forgetful = world.rebuilds(&short, Freshness::EachTime, Arc::clone(&world.documents));
    forgetful.begin(NAME, false).await.unwrap();
    forgetful.advance(A_WHILE).await;
    let standing = world.standing().await;
    let refused = standing.refused.unwrap();
    assert_eq!(standing.live, 1);
    assert_eq!((refused.compared, refused.missing), (7, 5));
    assert_eq!(rows(&world).await, 7, "its rows are gone again");
    forgetful.begin(NAME, true).await.unwrap();
    forgetful.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 3);
    // The one before is still there, and a whole rebuild is used again.
    rebuilds.roll_back(NAME).await.unwrap();
    rebuilds.begin(NAME, false).await.unwrap();
    rebuilds.advance(A_WHILE).await;
    let standing = world.standing().await;
    assert_eq!((standing.live, standing.refused), (4, None));
    world.nothing_is_missed(&instance).await.unwrap();
}

/// Moves a rebuild on until all tables have been compared, and nothing more.
async fn compare_all(world: &World, rebuilds: &Rebuilds) {
    loop {
        rebuilds.advance(Duration::ZERO).await;
        let building = world.standing().await.building.unwrap();
        if matches!(building.stage, Stage::Comparing { table: 2, .. }) {
            return;
        }
        world.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn what_was_compared_before_a_way_back_is_compared_again() {
    let (mut world, instance, rebuilds) = scene().await;
    world.clock.advance(Duration::from_secs(100));
    world.tell("usr_3", false).await;
    world.deliver(3, &instance).await;
    // Generation 2 lacks what is older than that, and so does generation 3.
    let short = names().history(Duration::from_secs(50));
    let forgetful = world.rebuilds(&short, Freshness::EachTime, Arc::clone(&world.documents));
    forgetful.begin(NAME, true).await.unwrap();
    forgetful.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 2);
    forgetful.begin(NAME, false).await.unwrap();
    compare_all(&world, &forgetful).await;
    rebuilds.roll_back(NAME).await.unwrap();
    forgetful.advance(A_WHILE).await;
    let standing = world.standing().await;
    let refused = standing.refused.unwrap();
    assert_eq!(standing.live, 1);
    assert_eq!((refused.compared, refused.missing), (7, 5));
}

#[tokio::test]
async fn no_reader_reads_what_is_fed_no_more_when_a_rebuild_ends_after_a_way_back() {
    let (mut world, _, _) = scene().await;
    let documents = Arc::clone(&world.documents);
    let rebuilds = world.rebuilds(&names(), CACHED, Arc::clone(&documents));
    let instance = || world.instance(&names(), CACHED, Arc::clone(&documents));
    let (reader, writer) = (instance(), instance());
    rebuilds.begin(NAME, false).await.unwrap();
    compare_all(&world, &rebuilds).await;
    rebuilds.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 2);
    world.clock.advance(2 * CACHE);
    rebuilds.begin(NAME, false).await.unwrap();
    compare_all(&world, &rebuilds).await;
    // It knows that generation 2 is live.
    world.nothing_is_missed(&reader).await.unwrap();
    rebuilds.roll_back(NAME).await.unwrap();
    rebuilds.advance(A_WHILE).await;
    world.tell("usr_1", false).await;
    world.deliver(3, &writer).await;
    assert!(world.done.contains(&3));
    world.nothing_is_missed(&reader).await.unwrap();
    world.clock.advance(2 * CACHE);
    rebuilds.advance(A_WHILE).await;
    assert_eq!(world.standing().await.live, 3);
    world.nothing_is_missed(&reader).await.unwrap();
    world.all_agree().await.unwrap();
}
