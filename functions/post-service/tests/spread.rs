//! A post is shown to each follower by exactly one part, however many there are.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_outbox::EVENTS;
use fanout_posts::{Follow, Followed, followers_of};
use fanout_runtime::SystemClock;
use fanout_store::{Documents, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::consumer_tests::{deliver, lone_consumer};
use post_service::{IN_ONE_COMMIT, app};
use serde_json::Value;

const CREATED: &str =
    include_str!("../../../shared/contracts/post/golden/post.created/1.0/event.json");

async fn followed_by(followers: usize, author: &str) -> Arc<dyn Documents> {
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    let documents: Arc<dyn Documents> = Arc::new(documents.unwrap());
    let all: Vec<usize> = (0..followers).collect();
    for some in all.chunks(400) {
        let writes = some.iter().map(|number| {
            let follow = Follow {
                follower: format!("reader-{number}"),
                followee: author.to_owned(),
            };
            let fields = follow.to_fields(Followed {
                version: 1,
                now: true,
            });
            Write::create(follow.key(), fields)
        });
        documents.commit(writes.collect()).await.unwrap();
    }
    documents
}

/// The parts that were asked for: which of how many.
async fn parts(documents: &dyn Documents) -> Vec<(u64, u64)> {
    let events = all_documents(documents, Query::of(EVENTS)).await.unwrap();
    let parts = events.iter().map(|event| {
        let event: Value = serde_json::from_str(event.fields.text("data").unwrap()).unwrap();
        assert_eq!(event["type"], "post.spread_requested");
        let number = |field: &str| event["data"][field].as_u64().unwrap();
        (number("bucket"), number("buckets"))
    });
    let mut parts: Vec<(u64, u64)> = parts.collect();
    parts.sort_unstable();
    parts
}

#[tokio::test]
async fn each_follower_is_in_one_part_and_no_part_is_larger_than_a_commit() {
    let created: Value = serde_json::from_str(CREATED).unwrap();
    let author = created["data"]["author_id"].as_str().unwrap();
    for (followers, expected) in [
        (0, 0),
        (1, 1),
        (400, 1),
        (401, 16),
        (3_000, 16),
        (3_001, 256),
    ] {
        let documents = followed_by(followers, author).await;
        let app = app(lone_consumer(Arc::clone(&documents), Arc::new(SystemClock)));
        for outcome in ["done", "duplicate"] {
            assert_eq!(deliver(&app, CREATED.to_owned()).await.outcome, outcome);
        }
        let parts = parts(documents.as_ref()).await;
        let all: Vec<(u64, u64)> = (1..=expected).map(|part| (part, expected)).collect();
        assert_eq!(parts, all, "{followers} followers");
        let mut shown = BTreeSet::new();
        for (part, of) in parts {
            let query = followers_of(author, part, of);
            let some = all_documents(documents.as_ref(), query).await.unwrap();
            assert!(some.len() <= IN_ONE_COMMIT);
            for follow in some {
                let follower = Follow::from_document(&follow).unwrap().follower;
                assert!(shown.insert(follower));
            }
        }
        assert_eq!(shown.len(), followers);
    }
}
