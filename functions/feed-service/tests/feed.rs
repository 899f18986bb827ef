//! A feed is the merge of the posts of those who are followed, whatever happens in whatever order and
//! whenever it is told.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use fanout_contracts::post::{AuthorFollowed, SpreadRequested};
use fanout_events::{Envelope, EventType};
use fanout_posts::{Follow, Followed, Post};
use fanout_projections::{Freshness, Generations, Owned, Projections, Rebuilds};
use fanout_runtime::{Clock as _, SystemIds, Timestamp};
use fanout_store::{Documents, Write};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::ManualClock;
use fanout_testkit::consumer_tests::{deliver, lone_consumer, look_at};
use feed_service::{FEED, NAME, app, projection};
use proptest::prelude::*;
use serde_json::Value;
use tower::ServiceExt as _;

const AUTHORS: usize = 3;
const READERS: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    /// An author posts; followers are cut into so many parts.
    Post(usize, u64),
    Follow(usize, usize),
    Unfollow(usize, usize),
    Delete(usize),
    /// One of the events that have been told is delivered, perhaps not for the first time.
    Deliver(usize),
    Pass(Duration),
}

struct Scene {
    documents: Arc<dyn Documents>,
    clock: Arc<ManualClock>,
    app: Router,
    events: Vec<String>,
    posts: BTreeMap<(Timestamp, String), usize>,
    follows: BTreeSet<(usize, usize)>,
    versions: BTreeMap<(usize, usize), u64>,
}

fn author(number: usize) -> String {
    format!("author/{number}")
}

fn reader(number: usize) -> String {
    format!("reader-{number}")
}

impl Scene {
    async fn new() -> Self {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::new(start));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents: Arc<dyn Documents> = Arc::new(documents.unwrap());
        let deps = lone_consumer(Arc::clone(&documents), clock.clone());
        let freshness = Freshness::EachTime;
        let generations = Generations::of(FEED, Arc::clone(&documents), clock.clone(), freshness);
        let owned = Owned {
            service: NAME,
            projection: projection(),
        };
        let projections = Projections::of(vec![owned], freshness);
        let store = Arc::clone(&documents);
        let rebuilds = Rebuilds::new(projections, store, clock.clone(), Arc::new(SystemIds));
        Self {
            documents,
            clock,
            app: app(deps, generations, rebuilds),
            events: Vec::new(),
            posts: BTreeMap::new(),
            follows: BTreeSet::new(),
            versions: BTreeMap::new(),
        }
    }

    fn tell<T: EventType>(&mut self, subject: String, sequence: u64, data: T) {
        let event = Envelope {
            id: format!("evt_{}", self.events.len()),
            event_type: T::TYPE.to_owned(),
            source: "post-service".to_owned(),
            subject,
            sequence,
            timestamp: self.clock.now(),
            correlation_id: None,
            causation_id: None,
            data,
            metadata: T::metadata(),
        };
        self.events.push(event.to_json().unwrap());
    }

    async fn write(&self, write: Write) {
        self.documents.commit(vec![write]).await.unwrap();
    }

    async fn post(&mut self, by: usize, parts: u64) {
        let post = Post {
            id: format!("pst_{:03}", self.events.len()),
            author_id: author(by),
            content: "Hello".to_owned(),
            posted_at: self.clock.now(),
        };
        self.write(Write::create(Post::key(&post.id), post.to_fields()))
            .await;
        for bucket in 1..=parts {
            let asked = SpreadRequested {
                post_id: post.id.clone(),
                author_id: post.author_id.clone(),
                posted_at: post.posted_at,
                bucket,
                buckets: parts,
            };
            self.tell(format!("{}:{bucket}", post.id), 1, asked);
        }
        self.posts.insert((post.posted_at, post.id), by);
    }

    async fn follow(&mut self, who: usize, whom: usize, now: bool) {
        let changes = if now {
            self.follows.insert((who, whom))
        } else {
            self.follows.remove(&(who, whom))
        };
        if !changes {
            return;
        }
        let follow = Follow {
            follower: reader(who),
            followee: author(whom),
        };
        let version = self.versions.entry((who, whom)).or_default();
        *version += 1;
        let version = *version;
        let fields = follow.to_fields(Followed { version, now });
        self.write(Write::set(follow.key(), fields)).await;
        if now {
            let followed = AuthorFollowed {
                follower_id: reader(who),
                followee_id: author(whom),
            };
            self.tell(follow.id(), version, followed);
        }
    }

    async fn delete(&mut self, number: usize) {
        let Some(post) = self.posts.keys().nth(number).cloned() else {
            return;
        };
        self.write(Write::delete(Post::key(&post.1))).await;
        self.posts.remove(&post);
    }

    async fn deliver(&self, event: usize) {
        let delivered = deliver(&self.app, self.events[event].clone()).await;
        assert!(["done", "duplicate"].contains(&delivered.outcome.as_str()));
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Post(by, parts) => self.post(by, parts).await,
            Step::Follow(who, whom) => self.follow(who, whom, true).await,
            Step::Unfollow(who, whom) => self.follow(who, whom, false).await,
            Step::Delete(number) => self.delete(number).await,
            Step::Deliver(event) if event < self.events.len() => self.deliver(event).await,
            Step::Deliver(_) => {}
            Step::Pass(time) => self.clock.advance(time),
        }
    }

    /// A reader's feed, a few at a time.
    async fn feed(&self, who: usize) -> Vec<String> {
        let (mut feed, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("/feeds/{}?limit=2&page_token={token}", reader(who));
            let answer = look_at(&self.app, &path).await;
            let page: Value = serde_json::from_str(answer.body()).unwrap();
            let items = page["items"].as_array().unwrap().iter();
            feed.extend(items.map(|item| item["post_id"].as_str().unwrap().to_owned()));
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => return feed,
            }
        }
    }

    /// The posts of all that a reader follows, the newest first.
    fn merged(&self, who: usize) -> Vec<String> {
        let followed = |by: &usize| self.follows.contains(&(who, *by));
        let posts = self.posts.iter().rev().filter(|(_, by)| followed(by));
        posts.map(|((_, id), _)| id.clone()).collect()
    }
}

fn step() -> impl Strategy<Value = Step> {
    let parts = prop_oneof![Just(1), Just(2), Just(16), Just(256)];
    let (who, whom) = (0..READERS, 0..AUTHORS);
    prop_oneof![
        4 => (whom.clone(), parts).prop_map(|(by, parts)| Step::Post(by, parts)),
        4 => (who.clone(), whom.clone()).prop_map(|(who, whom)| Step::Follow(who, whom)),
        1 => (who, whom).prop_map(|(who, whom)| Step::Unfollow(who, whom)),
        1 => (0..10usize).prop_map(Step::Delete),
        6 => (0..40usize).prop_map(Step::Deliver),
        2 => prop_oneof![Just(1), Just(86_400), Just(20 * 86_400), Just(31 * 86_400)]
            .prop_map(|seconds| Step::Pass(Duration::from_secs(seconds))),
    ]
}

async fn story(steps: Vec<Step>) {
    let mut scene = Scene::new().await;
    for step in steps {
        scene.step(step).await;
        for who in 0..READERS {
            // What is late is missing; nothing is in a feed that does not belong there.
            let (feed, merged) = (scene.feed(who).await, scene.merged(who));
            let shown: Vec<&String> = merged.iter().filter(|id| feed.contains(id)).collect();
            assert_eq!(feed.iter().collect::<Vec<_>>(), shown);
        }
    }
    for _ in 0..2 {
        for event in (0..scene.events.len()).rev() {
            scene.deliver(event).await;
        }
    }
    for who in 0..READERS {
        assert_eq!(scene.feed(who).await, scene.merged(who));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_feed_is_the_merge_once_all_is_told(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(story(steps));
    }
}

#[tokio::test]
async fn a_reader_who_returns_after_a_year_sees_what_rows_no_longer_tell() {
    let mut scene = Scene::new().await;
    scene.follow(0, 0, true).await;
    for _ in 0..3 {
        scene.post(0, 1).await;
        scene.clock.advance(Duration::from_secs(60));
    }
    for event in 0..scene.events.len() {
        scene.deliver(event).await;
    }
    let before = scene.feed(0).await;
    assert_eq!(before.len(), 3);
    scene.clock.advance(Duration::from_secs(365 * 86_400));
    assert_eq!(scene.feed(0).await, before);
    scene.post(0, 1).await;
    scene.deliver(scene.events.len() - 1).await;
    assert_eq!(scene.feed(0).await, scene.merged(0));
}

/// A follow is told again by each rebuild, when the author has gone on posting.
#[tokio::test]
async fn a_follow_brings_what_was_posted_before_it_however_late_it_is_told() {
    let mut scene = Scene::new().await;
    scene.post(0, 0).await;
    scene.follow(0, 0, true).await;
    let followed = scene.events.len() - 1;
    for _ in 0..400 {
        scene.clock.advance(Duration::from_secs(60));
        scene.post(0, 1).await;
    }
    for event in followed + 1..scene.events.len() {
        scene.deliver(event).await;
    }
    scene.deliver(followed).await;
    assert_eq!(scene.feed(0).await, scene.merged(0));
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_no_path() {
    let scene = Scene::new().await;
    let request = Request::post("/projections/%FF/rebuild");
    let request = request.body(Body::empty()).unwrap();
    let answer = scene.app.oneshot(request).await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}
