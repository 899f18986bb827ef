//! Every event has its effect once: delivered twice in sequence, twice at once, in a crowd, and with
//! a crash at any commit.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use consumer_template::{COUNTS, NAME, app};
use fanout_consume::ConsumerDeps;
use fanout_runtime::SystemClock;
use fanout_store::{Documents, Query, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::CountingDocuments;
use fanout_testkit::consumer_tests::{ConsumerUnderTest, deliver, lone_consumer, look_at};
use fanout_testkit::user_events::{created, updated};
use serde_json::{Value, json};

struct ThisConsumer;

#[async_trait]
impl ConsumerUnderTest for ThisConsumer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn app(&self, deps: ConsumerDeps) -> Router {
        app(deps)
    }

    fn event(&self, subject: &str) -> Value {
        created("", subject)
    }

    async fn effects(&self, documents: &CountingDocuments) -> usize {
        let counts = all_documents(documents, Query::of(COUNTS)).await.unwrap();
        let counted = counts
            .iter()
            .map(|user| user.fields.count("count").unwrap());
        usize::try_from(counted.sum::<u64>()).unwrap()
    }
}

fanout_testkit::consumer_tests! {
    stores {
        on_the_embedded_engine: in_memory(),
    }
    consumers {
        this_consumer: ThisConsumer,
    }
}

async fn in_memory() -> Arc<dyn Documents> {
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    Arc::new(documents.unwrap())
}

#[tokio::test]
async fn the_count_of_a_user_can_be_read_and_other_types_are_ignored() {
    let app = app(lone_consumer(in_memory().await, Arc::new(SystemClock)));
    let count = async || {
        let answer = look_at(&app, "/counts/usr_1").await;
        serde_json::from_str::<Value>(answer.body()).unwrap()
    };
    assert_eq!(count().await, json!({"user_id": "usr_1", "count": 0}));
    let events = [
        (created("evt_1", "usr_1"), "done"),
        (updated("evt_2", "usr_1", 2, "Another Name"), "ignored"),
    ];
    for (event, outcome) in events {
        assert_eq!(deliver(&app, event.to_string()).await.outcome, outcome);
        assert_eq!(count().await, json!({"user_id": "usr_1", "count": 1}));
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_problem() {
    let app = app(lone_consumer(in_memory().await, Arc::new(SystemClock)));
    for path in ["/nothing", "/counts/%FF"] {
        let answer = look_at(&app, path).await;
        let problem: Value = serde_json::from_str(answer.body()).unwrap();
        assert_eq!(problem["type"], "not_found", "{path}");
    }
}
