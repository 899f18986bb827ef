//! What a status says, and what Cloud Monitoring tells, by a stand-in that answers as Google does.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::routing::get;
use axum::{Json, Router};
use reqwest::Client;
use serde_json::{Value, json};

use super::backlog::{Backlog, Backlogs};
use super::look::{OfConsumer, Outbox, Seen, Status, Versions, Waiting, revisions};
use super::text;
use crate::google_api::GoogleApi;
use crate::live_consumers::LiveConsumer;
use crate::monitoring::Monitoring;

fn unknown<T>(why: &str) -> Seen<T> {
    Seen::Unknown {
        unknown: why.to_owned(),
    }
}

fn waiting(number: u64, refusal: Option<&str>) -> Waiting {
    Waiting {
        event_id: format!("evt_{number}"),
        event_type: "user.created".to_owned(),
        subject: format!("usr_{number}"),
        waits_seconds: 100 - number,
        refusal: refusal.map(str::to_owned),
    }
}

fn status(outbox: Seen<Outbox>, consumers: Vec<OfConsumer>) -> Status {
    let mut status = Status {
        outbox,
        consumers,
        versions: Versions {
            fanout: "0.1.0",
            services: unknown("the services do not tell it"),
        },
        wrong: Vec::new(),
    };
    status.judge(" --project 'p1' --database '(default)'");
    status
}

fn of(consumer: &'static str, messages: u64, oldest_seconds: u64) -> OfConsumer {
    OfConsumer {
        consumer,
        held: Vec::new(),
        backlog: Seen::Known(Backlog {
            messages,
            oldest_seconds,
        }),
        dead_letters: Seen::Known(BTreeMap::new()),
    }
}

fn nothing_waits() -> Outbox {
    Outbox {
        waiting: 0,
        more: false,
        oldest: None,
        refused: Vec::new(),
        unreadable: Vec::new(),
    }
}

#[test]
fn a_system_with_nothing_wrong_says_so() {
    let fine = status(
        Seen::Known(nothing_waits()),
        vec![of("email", 0, 0), of("crm", 3, 300)],
    );
    insta::assert_snapshot!(text::of(&fine));
}

#[test]
fn everything_that_is_wrong_is_said_with_what_to_do() {
    let outbox = Outbox {
        waiting: 40,
        more: true,
        oldest: Some(waiting(1, Some("no such topic"))),
        refused: vec![
            waiting(1, Some("no such topic")),
            waiting(2, Some("too\u{1b}large")),
        ],
        unreadable: vec!["evt_3".to_owned()],
    };
    let mut crm = of("crm", 1, 301);
    let reasons = [("id_reused", 2), ("undecodable", 1)];
    let reasons = reasons.map(|(reason, count)| (reason.to_owned(), count));
    crm.dead_letters = Seen::Known(BTreeMap::from(reasons));
    let mut email = of("email", 0, 0);
    email.dead_letters = unknown("the bus is away");
    email.backlog = unknown("nothing tells it");
    let mut analytics = of("analytics", 9, 86_400);
    analytics.held = vec!["user-events-analytics".to_owned()];
    let status = status(Seen::Known(outbox), vec![crm, email, analytics]);
    insta::assert_snapshot!(text::of(&status));
    insta::assert_json_snapshot!(status);
}

#[test]
fn a_backlog_that_nobody_can_tell_here_is_not_wrong() {
    let mut email = of("email", 0, 0);
    email.backlog = Seen::Untold {
        unknown: "Google's emulator does not tell it".to_owned(),
    };
    let status = status(Seen::Known(nothing_waits()), vec![email]);
    assert_eq!(status.wrong, [""; 0]);
    let said = "backlog            unknown: Google's emulator does not tell it\n";
    assert!(text::of(&status).contains(said));
}

#[test]
fn a_store_that_cannot_be_read_is_wrong() {
    let away = status(unknown("the store is away"), Vec::new());
    assert_eq!(away.wrong, ["the outbox cannot be read: the store is away"]);
    assert!(text::of(&away).contains("waiting            unknown: the store is away"));
}

/// Two pages of series, the first of them without a value.
async fn monitoring() -> Monitoring {
    async fn answer(Query(asked): Query<BTreeMap<String, String>>) -> Json<Value> {
        assert_eq!(asked["interval.startTime"], "2026-11-20T11:50:00Z");
        assert_eq!(asked["interval.endTime"], "2026-11-20T12:00:00Z");
        let series = |label: Value, values: &[&str]| {
            let points = values
                .iter()
                .map(|value| json!({"value": {"int64Value": value}}));
            let points: Vec<Value> = points.collect();
            json!({"resource": {"labels": label}, "points": points})
        };
        let subscription = |name: &str| json!({"subscription_id": name});
        let revision = |name: &str| json!({"service_name": "crm-service", "revision_name": name});
        let metric = asked["filter"].rsplit('/').next().unwrap();
        Json(match (metric, asked["pageToken"].as_str()) {
            ("num_undelivered_messages\"", "") => json!({
                "timeSeries": [series(subscription("user-events-email"), &[])],
                "nextPageToken": "2",
            }),
            ("num_undelivered_messages\"", "2") => json!({"timeSeries": [
                series(subscription("user-events-crm"), &["7", "9"]),
                series(subscription("another"), &["1"]),
            ]}),
            ("oldest_unacked_message_age\"", _) => {
                json!({"timeSeries": [series(subscription("user-events-crm"), &["61"])]})
            }
            ("instance_count\"", _) => json!({"timeSeries": [
                series(revision("crm-service-2"), &["1"]),
                series(revision("crm-service-2"), &["2"]),
                series(revision("crm-service-1"), &["1"]),
                series(revision("crm-service-0"), &["0"]),
                series(json!({"service_name": "another", "revision_name": "another-1"}), &["1"]),
            ]}),
            other => panic!("{other:?}"),
        })
    }
    let app = Router::new().route("/v3/projects/p1/timeSeries", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let http = Client::builder().no_proxy().build().unwrap();
    let url = url.parse().unwrap();
    let api = GoogleApi::new(http, url, None, "is there a network?");
    Monitoring::of(api, "p1")
}

#[tokio::test]
async fn in_the_cloud_backlogs_and_revisions_are_what_was_measured_last() {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let monitoring = monitoring().await;
    let backlogs = Backlogs::measured(&monitoring, now).await.unwrap();
    let presumed = |name| LiveConsumer::presumed(system::consumer(name).unwrap());
    let of = |name| backlogs.of(&presumed(name));
    let crm = Backlog {
        messages: 7,
        oldest_seconds: 61,
    };
    assert_eq!(of("crm").unwrap(), crm);
    let unknown = of("email").unwrap_err().to_string();
    assert_eq!(
        unknown,
        "Cloud Monitoring has no value of user-events-email"
    );
    // The sign-up alone has no orders to sell.
    let mut deployed = presumed("email");
    deployed.subscriptions = vec!["user-events-crm".to_owned()];
    assert_eq!(backlogs.of(&deployed).unwrap(), crm);
    let found = revisions(Some(&monitoring), now).await.unwrap();
    let crm = (
        "crm-service".to_owned(),
        "crm-service-2, crm-service-1".to_owned(),
    );
    assert_eq!(found, BTreeMap::from([crm]));
}
