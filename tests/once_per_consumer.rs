//! However often an event comes, each consumer reacts once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_contracts::DOMAINS;
use fanout_events::CE_TYPE;
use fanout_testkit::user_events::updated;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::engines::on_every_engine;
use crate::support::{TestSystem, eventually};

/// An event as user-service would publish it, today.
fn event(user_id: &str) -> Value {
    let golden = include_str!("../shared/contracts/user/golden/user.created/1.0/event.json");
    let mut event: Value = serde_json::from_str(golden).unwrap();
    event["id"] = format!("evt_{user_id}").into();
    event["subject"] = user_id.into();
    event["data"]["user_id"] = user_id.into();
    event["timestamp"] = fanout_runtime::Clock::now(&fanout_runtime::SystemClock)
        .to_rfc3339()
        .into();
    event
}

fn push_body(event: &Value, message_id: u32) -> String {
    let data = STANDARD.encode(event.to_string());
    let attributes = json!({CE_TYPE: event["type"]});
    json!({
        "message": {
            "data": data,
            "messageId": message_id.to_string(),
            "publishTime": "2026-11-20T12:00:00Z",
            "attributes": attributes,
        },
        "subscription": "projects/p/subscriptions/s",
    })
    .to_string()
}

/// A consumer says its types twice: in the table, which `trace` and the page of services go by, and
/// where it is built.
#[tokio::test]
async fn a_consumer_has_a_use_for_just_the_types_that_the_table_says() {
    let system = TestSystem::of_all_systems().await;
    let types: Vec<&str> = DOMAINS
        .iter()
        .flat_map(|domain| domain.types)
        .map(|it| it.name)
        .collect();
    for subscriber in system::consumers() {
        let mut wanted = Vec::new();
        for event_type in &types {
            let mut event = event(&format!("usr_{event_type}"));
            event["type"] = (*event_type).into();
            // Of no type at all: it is parked if the type is of use.
            event["data"] = json!({});
            let answer = system.push(subscriber.consumer, push_body(&event, 1)).await;
            assert_eq!(answer.status(), StatusCode::NO_CONTENT);
            if answer.headers()["x-outcome"] != "ignored" {
                wanted.push(*event_type);
            }
        }
        wanted.sort_unstable();
        let mut said: Vec<&str> = subscriber.types().collect();
        said.sort_unstable();
        assert_eq!(wanted, said, "{}", subscriber.consumer);
    }
    system.stop().await;
}

on_every_engine! {
    async fn an_event_published_five_times_is_reacted_to_once(system) {
        let data = STANDARD.encode(event("usr_five").to_string());
        for _ in 0..5 {
            system.publish(json!([{"data": data, "orderingKey": "usr_five"}])).await;
        }
        system.publish(json!([{"data": STANDARD.encode(event("usr_last").to_string())}])).await;
        system.assert_reacted_once(&["usr_five".to_owned(), "usr_last".to_owned()]).await;
        assert_eq!(system.mail_files().len(), 2);
        system.stop().await;
    }

    /// The filters keep such types away, but not on Google's emulator, which stores filters and
    /// delivers everything.
    async fn a_type_that_a_consumer_has_no_use_for_is_ignored_when_it_comes_anyway(system) {
        let user = system.sign_up("ada@example.com").await;
        let changed = system.client.patch(system.url("user", &format!("/users/{user}")));
        let changed = changed.json(&json!({"name": "Another Name"})).send().await.unwrap();
        assert_eq!(changed.status(), StatusCode::OK);
        eventually("the change", || async {
            let contact = system.contact(&user).await?;
            (contact["name"] == "Another Name").then_some(())
        })
        .await;
        let event = updated(&format!("evt_{user}"), &user, 3, "Yet Another Name");
        let answer = system.push("analytics", push_body(&event, 1)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(answer.headers()["x-outcome"], "ignored");
        system.assert_reacted_once(&[user]).await;
        assert_eq!(system.mail_files().len(), 1);
        system.stop().await;
    }

    async fn a_push_delivered_fifty_times_at_once_is_done_exactly_once(system) {
        for consumer in ["crm", "email", "analytics"] {
            let event = event("usr_fifty");
            let body = push_body(&event, 1);
            let pushes = (0..50).map(|_| system.push(consumer, body.clone()));
            let mut done = 0;
            for answer in join_all(pushes).await {
                let outcome = answer.headers()["x-outcome"].to_str().unwrap().to_owned();
                let expected = match outcome.as_str() {
                    "done" | "duplicate" => StatusCode::NO_CONTENT,
                    "busy" => StatusCode::TOO_MANY_REQUESTS,
                    other => panic!("{other}"),
                };
                assert_eq!(answer.status(), expected);
                done += u32::from(outcome == "done");
            }
            assert_eq!(done, 1, "{consumer}");
        }
        system.assert_reacted_once(&["usr_fifty".to_owned()]).await;
        assert_eq!(system.mail_files().len(), 1);
        system.stop().await;
    }
}
