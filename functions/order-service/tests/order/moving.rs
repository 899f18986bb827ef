//! What moves an order's process: answers, deadlines and operators, each in one commit.

use std::time::Duration;

use fanout_outbox::EVENTS;
use fanout_processes::{PROCESSES, Status, WakeReport, process_key, process_subject};
use fanout_store::{Documents as _, Fields, Key, Write};
use fanout_testkit::captured_logs;
use http::StatusCode;
use order_service::ORDERS;
use serde_json::{Value, json};

use crate::scene::Scene;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_order_its_fact_and_its_first_request_are_one_commit() {
    let scene = Scene::new().await;
    let id = scene.order().await;
    let [fact] = &scene.left("order.created").await[..] else {
        panic!("one fact");
    };
    assert_eq!(
        (&fact["subject"], &fact["sequence"]),
        (&json!(id), &json!(1))
    );
    let [asked] = &scene.left("inventory.reservation_requested").await[..] else {
        panic!("one request");
    };
    assert_eq!(asked["causation_id"], fact["id"]);
    assert_eq!(asked["subject"], process_subject("order", &id));
    let of_the_order = scene.documents.written_with(&Key::new(ORDERS, &id));
    assert!(of_the_order.contains(&process_key("order", &id)));
    for event in [fact, asked] {
        let row = Key::new(EVENTS, event["id"].as_str().unwrap());
        assert!(of_the_order.contains(&row), "{row} in {of_the_order:?}");
    }
    assert_eq!(scene.documents.writes_to(ORDERS), 1);
    assert_eq!(scene.documents.writes_to(PROCESSES), 1);
    let stored = scene.process(&id).await;
    assert_eq!(stored.wake_at, Some(stored.started_at + 2 * MINUTE));
}

#[tokio::test]
async fn an_answer_that_comes_twice_counts_once_and_moves_order_and_process_together() {
    let scene = Scene::new().await;
    let id = scene.order().await;
    assert_eq!(scene.reserved().await.outcome, "done");
    assert_eq!(scene.reserved().await.outcome, "duplicate");
    assert_eq!(scene.left("payment.charge_requested").await.len(), 1);
    assert_eq!(scene.status(&id).await, "reserved");
    assert_eq!(scene.declined().await.outcome, "done");
    assert_eq!(scene.status(&id).await, "cancelling");
    let released = json!({"reservation_id": "res_1"});
    let request = "inventory.release_requested";
    scene
        .answer_to(request, "inventory.released", &released)
        .await;
    assert_eq!(scene.status(&id).await, "cancelled");
    let [fact] = &scene.left("order.cancelled").await[..] else {
        panic!("one fact");
    };
    assert_eq!(
        (&fact["subject"], &fact["sequence"]),
        (&json!(id), &json!(2))
    );
    assert_eq!(fact["data"]["reason"], "declined");
    let stored = scene.process(&id).await;
    assert_eq!(
        (stored.instance.status, stored.wake_at),
        (Status::Compensated, None)
    );
    assert!(stored.ended_at.is_some());
}

#[tokio::test]
async fn an_answer_without_its_process_and_one_of_another_version_come_again() {
    let scene = Scene::new().await;
    let id = scene.order().await;
    let more = json!({"reservation_id": "res_1", "items": [{"product_id": "1", "quantity": 2}]});
    let request = "inventory.reservation_requested";
    let mut foreign = scene.answer(request, "inventory.reserved", &more).await;
    foreign["data"]["step"]["key"] = json!("ord_none");
    let answer = fanout_testkit::consumer_tests::deliver(&scene.app, foreign.to_string()).await;
    assert_eq!(
        (answer.status, &*answer.outcome),
        (StatusCode::SERVICE_UNAVAILABLE, "failed")
    );
    let newer = Write::merge(
        process_key("order", &id),
        Fields::new().with("version", 2_i64),
    );
    scene.documents.commit(vec![newer]).await.unwrap();
    let before = scene
        .documents
        .get(&process_key("order", &id))
        .await
        .unwrap();
    assert_eq!(
        scene.reserved().await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    scene.clock.advance(3 * MINUTE);
    let (report, logs) = captured_logs(scene.engine.wake_due()).await;
    let report = report.unwrap();
    assert_eq!(
        (report.woken, report.failed, report.oldest_lateness_seconds),
        (0, 1, 60)
    );
    assert!(
        logs.contains("does not know the process in this version"),
        "{logs}"
    );
    // A build that does not know the version leaves the document as it is.
    assert_eq!(
        scene
            .documents
            .get(&process_key("order", &id))
            .await
            .unwrap(),
        before
    );
}

#[tokio::test]
async fn what_is_due_is_woken_once_however_many_ask() {
    let scene = Scene::new().await;
    let id = scene.order().await;
    let early = scene.engine.wake_due().await.unwrap();
    assert_eq!(early, WakeReport::default());
    scene.clock.advance(2 * MINUTE);
    let all = tokio::join!(
        scene.engine.wake_due(),
        scene.engine.wake_due(),
        scene.engine.wake_due()
    );
    let woken: u64 = [all.0, all.1, all.2]
        .map(|it| it.unwrap().woken)
        .iter()
        .sum();
    assert_eq!(woken, 1);
    let requests = scene.left("inventory.reservation_requested").await;
    let attempts: Vec<&Value> = requests
        .iter()
        .map(|it| &it["data"]["step"]["attempt"])
        .collect();
    assert_eq!(attempts, [1, 2]);
    assert_ne!(requests[0]["id"], requests[1]["id"]);
    let sequences: Vec<&Value> = requests.iter().map(|it| &it["sequence"]).collect();
    assert_eq!(sequences, [1, 2]);
    let correlation = |it: &Value| it["correlation_id"].clone();
    assert_eq!(correlation(&requests[0]), correlation(&requests[1]));
    // A late answer that is still awaited counts.
    assert_eq!(scene.reserved().await.outcome, "done");
    assert_eq!(scene.status(&id).await, "reserved");
}

/// An order of which the charge was declined and the release is never answered; what was logged.
async fn stuck(scene: &Scene) -> (String, String) {
    let id = scene.order().await;
    scene.reserved().await;
    scene.declined().await;
    let (_, logs) = captured_logs(async {
        for _ in 0..12 {
            scene.clock.advance(61 * MINUTE);
            scene.engine.wake_due().await.unwrap();
        }
    })
    .await;
    (id, logs)
}

#[tokio::test]
async fn an_undo_that_nobody_answers_is_stuck_with_a_reason_and_an_alert() {
    let scene = Scene::new().await;
    let (id, logs) = stuck(&scene).await;
    assert_eq!(scene.left("inventory.release_requested").await.len(), 10);
    let alert = logs.lines().find(|line| line.contains("process_stuck"));
    let alert: Value = serde_json::from_str(alert.unwrap()).unwrap();
    let told = ["message", "severity", "key", "step"].map(|name| &alert[name]);
    assert_eq!(told, ["process_stuck", "ERROR", &id, "reserve"]);
    assert_eq!(scene.status(&id).await, "stuck");
    let stored = scene.process(&id).await;
    let stands = (stored.instance.status, stored.wake_at);
    assert_eq!(stands, (Status::Stuck, None));
    assert_eq!(stored.instance.failure.unwrap().reason, "undo_failed");
}

#[tokio::test]
async fn an_operators_word_is_one_event_and_frees_what_is_stuck() {
    let scene = Scene::new().await;
    let (id, _) = stuck(&scene).await;
    let ask = |verb: &str, body: &'static str| {
        let path = format!("/processes/order/{id}/{verb}");
        let scene = &scene;
        async move {
            let (status, answer) = scene.call("POST", &path, &[], body).await;
            let told = ["status", "type"].map(|name| answer[name].as_str().map(str::to_owned));
            (status.as_u16(), told.into_iter().flatten().next_back())
        }
    };
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(ask("skip", "{}").await, (422, said("validation_failed")));
    assert_eq!(ask("retry", "{}").await, (200, said("compensating")));
    let skip = ask("skip", r#"{"step":"reserve"}"#).await;
    assert_eq!(skip, (200, said("compensated")));
    assert_eq!(ask("retry", "{}").await, (409, said("process_ended")));
    for nobody in ["none", "%FF"] {
        let path = format!("/processes/order/{nobody}/retry");
        let (status, _) = scene.call("POST", &path, &[], "{}").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{nobody}");
    }
    let events = scene.left("operator.intervened").await;
    let verbs: Vec<&Value> = events.iter().map(|event| &event["data"]["verb"]).collect();
    assert_eq!(verbs, ["retry", "skip"]);
}

#[tokio::test]
async fn the_events_of_a_process_are_numbered_without_a_gap() {
    let scene = Scene::new().await;
    let (id, _) = stuck(&scene).await;
    let path = format!("/processes/order/{id}/retry");
    scene.call("POST", &path, &[], "{}").await;
    let mut numbers = Vec::new();
    for kind in [
        "inventory.reservation_requested",
        "payment.charge_requested",
        "inventory.release_requested",
        "operator.intervened",
    ] {
        let events = scene.left(kind).await;
        numbers.extend(
            events
                .iter()
                .map(|event| event["sequence"].as_u64().unwrap()),
        );
    }
    numbers.sort_unstable();
    let last = scene.process(&id).await.emitted;
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_user_may_cancel_until_the_shipment_is_asked_for() {
    let scene = Scene::new().await;
    let id = scene.order().await;
    let path = format!("/orders/{id}/cancel");
    for _ in 0..2 {
        let (status, order) = scene.call("POST", &path, &[], "").await;
        assert_eq!(status, StatusCode::ACCEPTED);
        let told = (&order["status"], &order["reason"]);
        assert_eq!(told, (&json!("cancelling"), &json!("cancelled_by_user")));
    }
    // The do that comes late is answered by its participant's fence, and changes nothing here.
    assert_eq!(scene.reserved().await.outcome, "done");
    assert_eq!(scene.status(&id).await, "cancelling");
    let other = scene.order().await;
    let stored = scene.process(&other).await;
    assert_eq!(stored.instance.status, Status::Running);
    let (status, _) = scene.call("POST", "/orders/none/cancel", &[], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
