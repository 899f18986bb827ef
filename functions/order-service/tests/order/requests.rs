//! What requests are answered.

use http::StatusCode;
use serde_json::{Value, json};

use crate::scene::{LAPTOPS, Scene};

#[tokio::test]
async fn both_forms_are_one_order_and_prices_are_exact() {
    let scene = Scene::new().await;
    let items = r#"[{"product_id":"1","quantity":2,"price":"999.99"}]"#;
    let long = format!(r#"{{"user_id":"123","items":{items},"currency":"USD"}}"#);
    let mut shown = Vec::new();
    for body in [LAPTOPS, &long] {
        let (status, mut order) = scene.call("POST", "/orders", &[], body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{order}");
        order["id"] = json!("");
        shown.push(order);
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0]["total"], "1999.98");
    // A float has no such number; and neither has a sum of floats.
    let many = json!({"product_id": 1, "quantity": 1, "price": 0.1});
    let body = json!({"user_id": 1, "items": [many, many, many]}).to_string();
    let (_, order) = scene.call("POST", "/orders", &[], &body).await;
    assert_eq!(order["total"], "0.30");
    let large = r#"{"user_id":1,"product_id":1,"quantity":1,"price":9007199254740.93}"#;
    let (_, order) = scene.call("POST", "/orders", &[], large).await;
    assert_eq!(order["total"], "9007199254740.93");
    let (status, problem) = scene
        .call(
            "POST",
            "/orders",
            &[],
            &large.replace(r#""quantity":1"#, r#""quantity":999"#),
        )
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["field"], "items");
}

#[tokio::test]
async fn a_repeat_with_its_key_is_the_first_order_again() {
    let scene = Scene::new().await;
    let key = [("idempotency-key", "k1")];
    let (status, first) = scene.call("POST", "/orders", &key, LAPTOPS).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    // What became of it meanwhile is no part of the first answer.
    scene.reserved().await;
    let spaced = LAPTOPS.replace(',', " , ");
    let (status, again) = scene.call("POST", "/orders", &key, &spaced).await;
    assert_eq!((status, &again), (StatusCode::ACCEPTED, &first));
    assert_eq!(scene.left("order.created").await.len(), 1);
    let other = LAPTOPS.replace("999.99", "999.98");
    let (status, problem) = scene.call("POST", "/orders", &key, &other).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["type"], "idempotency_key_reused");
    let (status, _) = scene
        .call("POST", "/orders", &[("idempotency-key", "é")], LAPTOPS)
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_users_orders_come_page_by_page_the_latest_first() {
    let scene = Scene::new().await;
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(scene.order().await);
        scene.clock.advance(std::time::Duration::from_millis(1));
    }
    placed.reverse();
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/orders?user_id=123&limit=2&page_token={token}");
        let (status, page) = scene.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let orders = page["orders"].as_array().unwrap();
        listed.extend(
            orders
                .iter()
                .map(|order| order["id"].as_str().unwrap().to_owned()),
        );
        match &page["next_page_token"] {
            Value::String(next) => token = next.clone(),
            _ => break,
        }
    }
    assert_eq!(listed, placed);
    let (_, none) = scene.get("/orders?user_id=124").await;
    assert_eq!(none, json!({"orders": [], "next_page_token": null}));
    for bad in ["", "?user_id=1&limit=0", "?user_id=1&page_token=x"] {
        let (status, _) = scene.get(&format!("/orders{bad}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    assert_eq!(scene.get("/orders/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_plain_json_is_refused() {
    let scene = Scene::new().await;
    for (headers, body, expected) in [
        (
            &[("content-encoding", "gzip")][..],
            LAPTOPS,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (&[], "[1]", StatusCode::BAD_REQUEST),
        (&[], "", StatusCode::BAD_REQUEST),
    ] {
        let (status, _) = scene.call("POST", "/orders", headers, body).await;
        assert_eq!(status, expected, "{body}");
    }
    assert!(scene.left("order.created").await.is_empty());
}
