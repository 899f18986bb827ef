//! The sums that the system was asked for with.

use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn deposits_and_withdrawals_sum_up_to_500() {
    let scene = Scene::new().await;
    let id = scene.open("alice").await;
    for (kind, amount) in [
        ("deposits", 1_000),
        ("withdrawals", 200),
        ("withdrawals", 300),
    ] {
        let path = format!("/accounts/{id}/{kind}");
        let (status, _) = scene.post(&path, json!({"amount": amount})).await;
        assert_eq!(status, 201);
    }
    assert_eq!(scene.balance(&id, "").await, "500.00");
    // By replay: from the events alone.
    let (_, statement) = scene.get(&format!("/accounts/{id}/events")).await;
    let cents = |event: &serde_json::Value| {
        let amount = event["data"]["amount"].as_str().unwrap_or("0.00");
        let cents: i64 = amount.replace('.', "").parse().unwrap();
        if event["type"] == "account.withdrawn" {
            -cents
        } else {
            cents
        }
    };
    let events = statement["events"].as_array().unwrap();
    assert_eq!(events.iter().map(cents).sum::<i64>(), 50_000);
    assert_eq!(events.last().unwrap()["balance"], "500.00");
}

#[tokio::test]
async fn the_balance_was_810_at_the_end_of_january_and_is_510_after() {
    let scene = Scene::new().await;
    let (id, other) = (scene.open("alice").await, scene.open("bob").await);
    scene.day("2024-01-05");
    scene.deposit(&id, "1000").await;
    scene.clock.set("2024-01-31T23:59:59.999Z".parse().unwrap());
    scene.withdraw(&id, "190").await;
    scene.day("2024-02-01");
    scene.transfer(&id, &other, "300").await;
    let as_of = |day| format!("?recorded_at={day}");
    assert_eq!(scene.balance(&id, &as_of("2024-01-30")).await, "1000.00");
    assert_eq!(
        scene.balance(&id, &as_of("2024-01-31")).await,
        "810.00",
        "the whole day"
    );
    assert_eq!(scene.balance(&id, &as_of("2024-02-01")).await, "510.00");
    assert_eq!(scene.balance(&id, "").await, "510.00");
    assert_eq!(scene.balance(&other, "").await, "300.00");
}

#[tokio::test]
async fn by_value_date_it_is_the_same_when_all_is_recorded_later() {
    let scene = Scene::new().await;
    let id = scene.open("alice").await;
    scene.day("2024-06-01");
    for (kind, amount, date) in [
        ("deposits", "1000", "2024-01-05"),
        ("withdrawals", "190", "2024-01-31"),
        ("withdrawals", "300", "2024-02-01"),
    ] {
        let body = json!({"amount": amount, "effective_at": date});
        let (status, _) = scene.post(&format!("/accounts/{id}/{kind}"), body).await;
        assert_eq!(status, 201);
    }
    let effective = |day| format!("?effective_at={day}");
    assert_eq!(scene.balance(&id, &effective("2024-01-31")).await, "810.00");
    assert_eq!(scene.balance(&id, &effective("2024-02-01")).await, "510.00");
    assert_eq!(scene.balance(&id, "?recorded_at=2024-02-01").await, "0.00");
    let then = "?effective_at=2024-02-01&recorded_at=2024-05-31";
    assert_eq!(scene.balance(&id, then).await, "0.00", "not known yet");
}
