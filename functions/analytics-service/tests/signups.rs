//! Sign-ups as they are delivered, and as they are asked for.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::sync::Arc;

use analytics_service::{SIGNUPS, SIGNUPS_BY_SOURCE, Shards, app};
use axum::Router;
use fanout_store::{Collection, Documents, Fields, Key, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::consumer_tests::{deliver, lone_consumer, look_at};
use fanout_testkit::user_events::{created, deleted, updated};
use fanout_testkit::{CountingDocuments, ManualClock, PortCalls};
use http::StatusCode;
use serde_json::{Value, json};

/// The service on 20 November 2026, with everything in memory.
struct Analytics {
    documents: Arc<CountingDocuments>,
    clock: Arc<ManualClock>,
}

impl Analytics {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap()));
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents = CountingDocuments::new(Arc::new(documents.unwrap()));
        Self { documents, clock }
    }

    fn app(&self) -> Router {
        self.with(Shards::default())
    }

    fn app_with(&self, shards: &str) -> Router {
        self.with(Shards::parse(shards).unwrap())
    }

    fn with(&self, shards: Shards) -> Router {
        let deps = lone_consumer(self.documents.clone(), self.clock.clone());
        app(deps, shards)
    }

    async fn shards(&self, collection: &'static Collection) -> Vec<Fields> {
        let all = all_documents(self.documents.as_ref(), Query::of(collection)).await;
        all.unwrap().into_iter().map(|shard| shard.fields).collect()
    }
}

/// `user.created` number n, on this day.
fn signed_up(n: u32, date: &str) -> Value {
    let mut event = created(&format!("evt_{n}"), &format!("usr_{n}"));
    event["timestamp"] = format!("{date}T23:59:59.999Z").into();
    event
}

async fn outcome(app: &Router, event: &Value) -> String {
    let answer = deliver(app, event.to_string()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    answer.outcome
}

async fn asked(app: &Router, query: &str) -> Value {
    let answer = look_at(app, &format!("/signups{query}")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{query}");
    serde_json::from_str(answer.body()).unwrap()
}

#[tokio::test]
async fn sign_ups_are_answered_per_day_with_the_days_between() {
    let analytics = Analytics::new().await;
    let app = analytics.app();
    for (n, date) in (0..).zip(["2026-11-17", "2026-11-19", "2026-11-19", "2026-11-20"]) {
        assert_eq!(outcome(&app, &signed_up(n, date)).await, "done");
    }
    let answer = look_at(&app, "/signups?from=2026-11-18&to=2026-11-20").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "max-age=5");
    insta::assert_snapshot!(answer.body(), @r#"{"total":3,"days":[{"date":"2026-11-18","count":0},{"date":"2026-11-19","count":2},{"date":"2026-11-20","count":1}]}"#);
    let month = asked(&app, "").await;
    assert_eq!(month["total"], 4);
    assert_eq!(month["days"].as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn sign_ups_by_source_tell_hand_published_ones_apart() {
    let analytics = Analytics::new().await;
    let app = analytics.app();
    assert_eq!(outcome(&app, &signed_up(1, "2026-11-19")).await, "done");
    assert_eq!(outcome(&app, &signed_up(2, "2026-11-20")).await, "done");
    let mut by_hand = signed_up(3, "2026-11-20");
    by_hand["source"] = "manual".into();
    assert_eq!(outcome(&app, &by_hand).await, "done");
    let short = json!({"userId": "test-123", "email": "manual@test.com", "name": "Manual Test", "event": "user.created"});
    for _ in 0..2 {
        // It has the time of its message, which is the epoch in these tests.
        assert_eq!(outcome(&app, &short).await, "done");
    }
    let answer = look_at(&app, "/signups?from=2026-11-18&to=2026-11-20&by=source").await;
    assert_eq!(answer.headers()["cache-control"], "max-age=5");
    insta::assert_snapshot!(answer.body(), @r#"{"total":3,"sources":[{"source":"manual","count":1},{"source":"user-service","count":2}],"days":[{"date":"2026-11-18","count":0,"sources":{}},{"date":"2026-11-19","count":1,"sources":{"user-service":1}},{"date":"2026-11-20","count":2,"sources":{"manual":1,"user-service":1}}]}"#);
    let short_forms = asked(&app, "?from=1970-01-01&to=1970-01-01&by=source").await;
    assert_eq!(
        short_forms,
        json!({
            "total": 2,
            "sources": [{"source": "manual", "count": 2}],
            "days": [{"date": "1970-01-01", "count": 2, "sources": {"manual": 2}}],
        })
    );
}

#[tokio::test]
async fn an_event_is_counted_once_however_often_it_comes() {
    let analytics = Analytics::new().await;
    let event = signed_up(1, "2026-11-20");
    for expected in ["done", "duplicate", "duplicate"] {
        // Each time in another container, the last one with another number of shards.
        assert_eq!(outcome(&analytics.app(), &event).await, expected);
    }
    assert_eq!(outcome(&analytics.app_with("3"), &event).await, "duplicate");
    assert_eq!(asked(&analytics.app(), "").await["total"], 1);
}

#[tokio::test]
async fn who_leaves_stays_counted_and_a_change_is_ignored() {
    let analytics = Analytics::new().await;
    let app = analytics.app();
    assert_eq!(outcome(&app, &created("evt_1", "usr_1")).await, "done");
    let later = [
        updated("evt_2", "usr_1", 2, "Another Name"),
        deleted("evt_3", "usr_1", 3),
    ];
    for event in later {
        assert_eq!(outcome(&app, &event).await, "ignored");
    }
    assert_eq!(asked(&app, "").await["total"], 1);
}

#[tokio::test]
async fn a_day_has_as_many_documents_as_shards_and_counts_in_one_round_trip() {
    let analytics = Analytics::new().await;
    let app = analytics.app();
    for n in 0..200 {
        analytics.documents.take_calls();
        assert_eq!(outcome(&app, &signed_up(n, "2026-11-20")).await, "done");
        let one_commit = PortCalls {
            commits: 1,
            ..PortCalls::default()
        };
        assert_eq!(analytics.documents.take_calls(), one_commit);
    }
    for collection in [SIGNUPS, SIGNUPS_BY_SOURCE] {
        let shards = analytics.shards(collection).await;
        assert_eq!(shards.len(), 16, "{collection}");
        let counted: u64 = shards
            .iter()
            .map(|shard| shard.count("count").unwrap())
            .sum();
        assert_eq!(counted, 200, "{collection}");
    }
}

#[tokio::test]
async fn another_number_of_shards_changes_no_past_count() {
    let analytics = Analytics::new().await;
    let mut n = 0;
    for shards in ["16", "2", "64", "1"] {
        let app = analytics.app_with(shards);
        for _ in 0..20 {
            n += 1;
            assert_eq!(outcome(&app, &signed_up(n, "2026-11-20")).await, "done");
            for query in ["", "?by=source"] {
                assert_eq!(asked(&app, query).await["total"], n, "{shards} {query}");
            }
        }
    }
}

#[tokio::test]
async fn a_year_is_read_in_few_round_trips() {
    let analytics = Analytics::new().await;
    let first: chrono::NaiveDate = "2028-01-01".parse().unwrap();
    for date in first.iter_days().take(367) {
        let shard = |shard: u32| {
            let fields = Fields::new()
                .with("date", date.to_string())
                .with("count", 2_u64);
            Write::set(Key::new(SIGNUPS, &format!("{shard}_{date}")), fields)
        };
        let day = (0..16).map(shard).collect();
        analytics.documents.commit(day).await.unwrap();
    }
    analytics.documents.take_calls();
    let year = asked(&analytics.app(), "?from=2028-01-01&to=2028-12-31").await;
    assert_eq!(year["total"], 366 * 16 * 2);
    assert_eq!(year["days"].as_array().unwrap().len(), 366);
    let three_queries = PortCalls {
        queries: 3,
        ..PortCalls::default()
    };
    assert_eq!(analytics.documents.take_calls(), three_queries);
}

#[tokio::test]
async fn every_source_is_counted_by_itself() {
    let analytics = Analytics::new().await;
    let app = analytics.app();
    let longest = "x".repeat(128);
    let odd = [
        "/",
        "..",
        "__x__",
        "a/b",
        "//example.com/a",
        "https://example.com:80",
        &longest,
    ];
    for (n, source) in (0..).zip(odd) {
        let mut event = signed_up(n, "2026-11-20");
        event["source"] = source.into();
        assert_eq!(outcome(&app, &event).await, "done", "{source}");
    }
    let today = asked(&app, "?from=2026-11-20&by=source").await;
    assert_eq!(today["total"], odd.len());
    let counted = today["sources"].as_array().unwrap();
    assert_eq!(counted.len(), odd.len());
    for source in counted {
        assert_eq!(source["count"], 1);
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_problem_with_a_list_of_fields() {
    let analytics = Analytics::new().await;
    let app = analytics.app();
    for query in [
        "from=2026-11-21&to=2026-11-20",
        "from=2025-11-19&to=2026-11-20",
        "from=yesterday",
        "by=user",
        "by=source&by=source",
    ] {
        let answer = look_at(&app, &format!("/signups?{query}")).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(answer.body()).unwrap();
        assert_eq!(problem["type"], "validation_failed");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{query}");
    }
    assert_eq!(analytics.documents.take_calls(), PortCalls::default());
}
