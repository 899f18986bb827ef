//! Runs that end between two commits: the next one goes on where the last one stopped, among events of
//! one moment and among the rows of one event.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::Failure;
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_projections::{
    Freshness, Projection, Projects, Reading, Rebuilds, Row, Rows, Shown, Standing, rows_of,
};
use fanout_runtime::BoxError;
use fanout_store::{
    Collection, CommitError, Documents, Fields, Key, Query, StoreError, Write, all_documents,
};
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments};

use crate::world::{CHANGES, NAME, World};

const A_WHILE: Duration = Duration::from_secs(40);
/// More runs than any of these rebuilds takes.
const MANY_RUNS: usize = 200;
/// What the events' rows are made of, where that changes.
const MEMBERS: &Collection = &Collection::named("test_members");

fn row(id: &str, content: &str) -> Row {
    let content = Fields::new().with("sequence", 1_u64).with("text", content);
    Row::fixed(CHANGES, id, content)
}

/// So many rows of so many bytes; of the fourth user a row that no store takes.
struct Several<const ROWS: usize, const BYTES: usize>;

#[async_trait]
impl<const ROWS: usize, const BYTES: usize> Projects<UserCreated> for Several<ROWS, BYTES> {
    async fn rows(user: &Envelope<UserCreated>, _: &Reading<'_>) -> Result<Rows, Failure> {
        if user.subject == "usr_4" {
            return Ok(vec![row("too_large", &"x".repeat(2 * 1024 * 1024))].into());
        }
        let content = "x".repeat(BYTES);
        let id = |number| format!("{}.{number:04}", user.subject);
        Ok((0..ROWS).map(|number| row(&id(number), &content)).collect())
    }
}

/// A row for each member that there is.
struct Members;

#[async_trait]
impl Projects<UserCreated> for Members {
    async fn rows(_: &Envelope<UserCreated>, reading: &Reading<'_>) -> Result<Rows, Failure> {
        let members = reading.all(Query::of(MEMBERS)).await?;
        Ok(members.iter().map(|it| row(it.key.id(), "")).collect())
    }
}

/// What becomes of the commit of a number.
#[derive(Clone, Copy)]
enum Trouble {
    Stop,
    Fail,
    LoseAnswer,
}

type Commits = Arc<Mutex<Vec<Vec<Key>>>>;
type Stopped = Arc<Mutex<Option<Rebuilds>>>;

/// Notes the rows of each commit, and makes trouble at one of them.
struct Watched {
    commits: Commits,
    trouble: Option<(usize, Trouble)>,
    stopped: Stopped,
}

#[async_trait]
impl CommitHook for Watched {
    async fn before(&self, _: usize, writes: &[Write]) -> HookedCommit {
        let rows = writes.iter().map(|write| write.key.clone());
        let rows: Vec<Key> = rows.filter(|key| key.is_in(CHANGES)).collect();
        let mut commits = self.commits.lock().unwrap();
        commits.push(rows);
        let trouble = self.trouble.filter(|(at, _)| *at == commits.len());
        match trouble.map(|(_, trouble)| trouble) {
            None => HookedCommit::Made,
            Some(Trouble::Stop) => {
                self.stopped.lock().unwrap().as_ref().unwrap().stop();
                HookedCommit::Made
            }
            Some(Trouble::Fail) => {
                commits.pop();
                let gone = StoreError::Unavailable(BoxError::from("gone"));
                HookedCommit::Fails(CommitError::Store(gone))
            }
            Some(Trouble::LoseAnswer) => HookedCommit::AnswerLost,
        }
    }
}

/// A world in which all users were created in one moment, and its rebuild.
struct Scene {
    world: World,
    rebuilds: Rebuilds,
    commits: Commits,
}

impl Scene {
    async fn of<P: Projects<UserCreated>>(
        users: usize,
        trouble: Option<(usize, Trouble)>,
    ) -> (Self, Projection) {
        let mut world = World::new(1).await;
        for user in 1..=users {
            world.tell(&format!("usr_{user}"), false).await;
        }
        let commits = Commits::default();
        let stopped = Stopped::default();
        let hook = Watched {
            commits: Arc::clone(&commits),
            trouble,
            stopped: Arc::clone(&stopped),
        };
        let inner: Arc<dyn Documents> = Arc::clone(&world.documents);
        let watched = HookedDocuments::new(inner, hook);
        let projection = Projection::named(NAME, &[CHANGES]).on::<UserCreated, P>();
        let rebuilds = world.rebuilds(&projection, Freshness::EachTime, watched);
        *stopped.lock().unwrap() = Some(rebuilds.clone());
        rebuilds.begin(NAME, false).await.unwrap();
        let scene = Self {
            world,
            rebuilds,
            commits,
        };
        (scene, projection)
    }

    /// Runs of one commit each, until the generation is live; what the runs say that they have done, and
    /// what the projection says when all is read.
    async fn rebuild_in_steps(&self) -> (u64, u64, Shown) {
        let (mut events, mut rows, mut last) = (0, 0, None);
        for _ in 0..MANY_RUNS {
            let before = self.commits.lock().unwrap().len();
            let report = self.rebuilds.advance(Duration::ZERO).await;
            assert_eq!(report.failed, 0);
            assert!(self.commits.lock().unwrap().len() <= before + 1);
            (events, rows) = (events + report.events, rows + report.rows);
            let standing = self.world.standing().await;
            if is_live(&standing) {
                return (events, rows, last.unwrap());
            }
            last = Some(Shown::of(standing));
        }
        panic!("the rebuild does not end: {last:?}");
    }

    /// In how many commits there were rows; none of them twice.
    fn commits_of_rows(&self) -> usize {
        let commits = self.commits.lock().unwrap();
        let mut all: Vec<&Key> = commits.iter().flatten().collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|two| two[0] != two[1]), "a row twice");
        commits.iter().filter(|rows| !rows.is_empty()).count()
    }

    async fn rows(&self) -> usize {
        let documents = self.world.documents.as_ref();
        let rows = all_documents(documents, rows_of(CHANGES, 2)).await;
        rows.unwrap().len()
    }
}

fn is_live(standing: &Standing) -> bool {
    standing.live == 2 && standing.building.is_none()
}

/// Rebuilds with runs of one commit; answers in how many of them there were rows.
async fn in_steps<P: Projects<UserCreated>>(users: usize, rows_each: u64) -> usize {
    let (scene, _) = Scene::of::<P>(users, None).await;
    let (events, rows, shown) = scene.rebuild_in_steps().await;
    let skipped = u64::from(users >= 4);
    let expected = (users as u64, (users as u64 - skipped) * rows_each);
    assert_eq!((events, rows), expected);
    let building = shown.building.unwrap();
    assert_eq!((building.events, building.rows), expected);
    assert_eq!(building.skipped, skipped);
    assert_eq!(scene.rows().await as u64, rows);
    scene.commits_of_rows()
}

#[tokio::test]
async fn runs_that_end_among_events_of_one_moment_get_on() {
    assert_eq!(in_steps::<Several<300, 1>>(9, 300).await, 8);
}

#[tokio::test]
async fn runs_that_end_among_the_rows_of_an_event_get_on() {
    assert_eq!(in_steps::<Several<1_600, 1>>(5, 1_600).await, 4 * 4);
}

#[tokio::test]
async fn runs_that_end_among_events_that_are_too_large_together_get_on() {
    // Fifty rows of 30 KiB each: eight events have 400 rows, and are more than 10 MiB.
    let commits = in_steps::<Several<50, { 30 * 1024 }>>(12, 50).await;
    assert!(commits < 11, "{commits} commits");
}

async fn after_trouble(trouble: Trouble) {
    let mut ended_in_between = 0;
    // The first commit begins the rebuild.
    for at in 2..14 {
        let (scene, projection) = Scene::of::<Several<1_600, 1>>(2, Some((at, trouble))).await;
        let first = scene.rebuilds.advance(A_WHILE).await;
        let made = scene.commits.lock().unwrap().len();
        if is_live(&scene.world.standing().await) {
            continue;
        }
        ended_in_between += 1;
        match trouble {
            Trouble::Stop => assert_eq!((first.failed, made), (0, at)),
            Trouble::Fail => assert_eq!((first.failed, made), (1, at - 1)),
            Trouble::LoseAnswer => assert_eq!((first.failed, made), (1, at)),
        }
        let inner = Arc::clone(&scene.world.documents);
        let hook = Watched {
            commits: Arc::clone(&scene.commits),
            trouble: None,
            stopped: Stopped::default(),
        };
        let documents = HookedDocuments::new(inner, hook);
        let next = scene
            .world
            .rebuilds(&projection, Freshness::EachTime, documents);
        let second = next.advance(A_WHILE).await;
        assert_eq!(second.failed, 0);
        assert!(is_live(&scene.world.standing().await));
        assert_eq!((scene.rows().await, scene.commits_of_rows()), (3_200, 8));
        if !matches!(trouble, Trouble::LoseAnswer) {
            assert_eq!(first.events + second.events, 2);
            assert_eq!(first.rows + second.rows, 3_200);
        }
    }
    // Each commit of rows, and some before and after.
    assert!(ended_in_between > 8);
}

#[tokio::test]
async fn a_run_that_is_stopped_ends_between_two_commits_of_an_event() {
    after_trouble(Trouble::Stop).await;
}

#[tokio::test]
async fn a_run_that_fails_among_the_rows_of_an_event_is_gone_on_with() {
    after_trouble(Trouble::Fail).await;
}

#[tokio::test]
async fn a_run_whose_answer_is_lost_is_gone_on_with_behind_what_it_stored() {
    after_trouble(Trouble::LoseAnswer).await;
}

#[tokio::test]
async fn what_an_event_makes_anew_behind_its_stored_rows_is_stored() {
    let (scene, _) = Scene::of::<Members>(1, None).await;
    let documents = scene.world.documents.as_ref();
    let member = |id: &str| Write::set(Key::new(MEMBERS, id), Fields::new().with("of", "usr_1"));
    for hundred in 0..10 {
        let ids = (0..100).map(|number| member(&format!("m{hundred}{number:02}")));
        documents.commit(ids.collect()).await.unwrap();
    }
    while scene.rows().await == 0 {
        scene.rebuilds.advance(Duration::ZERO).await;
    }
    assert!(scene.rows().await < 1_000);
    let changed = vec![
        Write::delete(Key::new(MEMBERS, "m999")),
        member("m000x"),
        member("m998x"),
        member("n"),
    ];
    documents.commit(changed).await.unwrap();
    scene.rebuild_in_steps().await;
    scene.commits_of_rows();
    let rows = all_documents(documents, rows_of(CHANGES, 2)).await.unwrap();
    let there = |id: &str| rows.iter().any(|row| row.key.id() == format!("2:{id}"));
    assert!(there("m998") && there("m998x") && there("n") && !there("m999"));
    // That one came by an event of its own, which makes its row.
    assert!(!there("m000x"));
    assert_eq!(rows.len(), 1_001);
}

#[tokio::test]
async fn two_runs_at_once_count_nothing_twice() {
    let (scene, _) = Scene::of::<Several<1_600, 1>>(5, None).await;
    let mut last = None;
    let mut standing = scene.world.standing().await;
    while !is_live(&standing) {
        let (one, other) = (scene.rebuilds.clone(), scene.rebuilds.clone());
        let (one, other) = tokio::join!(one.advance(Duration::ZERO), other.advance(Duration::ZERO));
        assert_eq!(one.failed + other.failed, 0);
        last = standing.building;
        standing = scene.world.standing().await;
        assert!(scene.commits.lock().unwrap().len() < MANY_RUNS);
    }
    let last = last.unwrap();
    assert_eq!((last.events, last.skipped, last.rows), (5, 1, 6_400));
    assert_eq!(scene.rows().await, 6_400);
}
