//! The shop on the embedded engine: every order ends, and money and stock add up.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestSystem, eventually, get_json};

impl TestSystem {
    pub(crate) async fn place(&self, order: &Value) -> String {
        let request = self.client.post(self.url("order", "/orders")).json(order);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let order: Value = answer.json().await.unwrap();
        order["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn read(&self, service: &str, path: &str) -> Value {
        let (status, body) = get_json(&self.client, &self.url(service, path)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// The order, once it has come to its end.
    pub(crate) async fn ended(&self, order: &str) -> Value {
        let path = format!("/orders/{order}");
        eventually("the order's end", || async {
            let order = self.read("order", &path).await;
            let status = order["status"].as_str().unwrap();
            ["confirmed", "cancelled", "stuck"]
                .contains(&status)
                .then_some(order)
        })
        .await
    }

    /// The states of an order's payments, and how many shipments it has.
    async fn paid_and_shipped(&self, order: &str) -> (Vec<String>, usize) {
        let payments = format!("/payments?order_id={order}");
        let payments = self.read("payment", &payments).await;
        let payments = payments["payments"].as_array().unwrap().iter();
        let states = payments.map(|it| it["status"].as_str().unwrap().to_owned());
        let shipments = format!("/shipments?order_id={order}");
        let shipments = self.read("shipping", &shipments).await;
        (
            states.collect(),
            shipments["shipments"].as_array().unwrap().len(),
        )
    }

    pub(crate) async fn stock(&self, product: u64) -> (u64, u64) {
        let stock = self.read("inventory", &format!("/stock/{product}")).await;
        let count = |name: &str| stock[name].as_u64().unwrap();
        assert_eq!(count("available"), count("on_hand") - count("reserved"));
        (count("on_hand"), count("reserved"))
    }
}

#[tokio::test]
async fn an_order_is_reserved_paid_shipped_confirmed_found_counted_and_told_by_mail() {
    is_seen_through("orchestrated").await;
}

#[tokio::test]
async fn an_order_that_nobody_is_asked_for_is_seen_through_all_the_same() {
    is_seen_through("choreographed").await;
}

async fn is_seen_through(flow: &str) {
    let system = TestSystem::shop_of(flow).await;
    let user = system.sign_up("ada@example.com").await;
    eventually("the welcome", || async {
        (system.mails_to(&user).await.len() == 1).then_some(())
    })
    .await;
    let order = json!({"user_id": user, "product_id": 1, "quantity": 2, "price": 999.99});
    let order = system.place(&order).await;
    let ended = system.ended(&order).await;
    assert_eq!(
        (&ended["status"], &ended["total"]),
        (&json!("confirmed"), &json!("1999.98"))
    );
    eventually("the stock", || async {
        (system.stock(1).await == (48, 0)).then_some(())
    })
    .await;
    assert_eq!(
        system.paid_and_shipped(&order).await,
        (vec!["captured".to_owned()], 1)
    );
    let found = format!("/search?q={user}");
    eventually("the order's posting", || async {
        let found = system.read("search", &found).await;
        (found["results"][0]["id"] == json!(order)).then_some(())
    })
    .await;
    eventually("the sale", || async {
        let sales = system.read("analytics", "/sales").await;
        let today = sales["days"].as_array().unwrap().last().unwrap().clone();
        let sold = today["orders"] == 1 && today["revenue"] == json!({"USD": "1999.98"});
        sold.then_some(())
    })
    .await;
    let mails = system.mails_to(&user).await;
    let mails: Vec<_> = mails
        .iter()
        .map(|it| (&it["template"], &it["status"]))
        .collect();
    let (confirmation, sent) = (json!("order_confirmation"), json!("sent"));
    assert_eq!(mails, [(&json!("welcome"), &sent), (&confirmation, &sent)]);
    system.stop().await;
}

#[tokio::test]
async fn an_order_that_cannot_be_is_undone_and_its_user_told_once() {
    are_undone("orchestrated").await;
}

#[tokio::test]
async fn an_order_that_cannot_be_is_undone_without_anybody_being_asked() {
    are_undone("choreographed").await;
}

async fn are_undone(flow: &str) {
    let system = TestSystem::shop_of(flow).await;
    let place = |number: u64, more: Value| {
        let mut order = json!({
            "user_id": number, "product_id": 2, "quantity": 3, "price": "10.50",
        });
        order
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let system = &system;
        async move { system.place(&order).await }
    };
    let cases = [
        (
            json!({"payment_method": "tok_declined"}),
            "declined",
            vec!["declined"],
        ),
        (
            json!({"ship_to": {"country": "ZZ"}}),
            "country_not_served",
            vec!["refunded"],
        ),
        (json!({"product_id": 77}), "unknown_product", vec![]),
        (json!({"quantity": 51}), "out_of_stock", vec![]),
    ];
    for (number, (more, reason, payments)) in (1..).zip(cases) {
        let order = place(number, more).await;
        let ended = system.ended(&order).await;
        assert_eq!(ended["status"], "cancelled", "{ended}");
        assert_eq!(ended["reason"], reason);
        assert_eq!(
            system.paid_and_shipped(&order).await,
            (payments.into_iter().map(str::to_owned).collect(), 0)
        );
        let mails = eventually("the mail", || async {
            let mails = system.mails_to(&number.to_string()).await;
            (!mails.is_empty()).then_some(mails)
        })
        .await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0]["template"], "order_cancelled");
        assert_eq!(mails[0]["status"], "no_address");
    }
    assert_eq!(system.stock(2).await, (50, 0));
    for slow in ["tok_slow", "tok_flaky"] {
        let order = place(9, json!({"payment_method": slow})).await;
        assert_eq!(system.ended(&order).await["status"], "confirmed", "{slow}");
        assert_eq!(
            system.paid_and_shipped(&order).await,
            (vec!["captured".to_owned()], 1)
        );
    }
    system.stop().await;
}

#[tokio::test]
async fn sixty_four_orders_at_once_for_the_last_ten_items_sell_ten() {
    let system = TestSystem::shop().await;
    let last_ten = system.client.put(system.url("inventory", "/stock/3"));
    let answer = last_ten.json(&json!({"on_hand": 10})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let order = json!({"user_id": 1, "product_id": 3, "quantity": 1, "price": 1});
    let orders = join_all((0..64).map(|_| system.place(&order))).await;
    let mut confirmed = 0;
    for order in &orders {
        let ended = system.ended(order).await;
        match ended["status"].as_str().unwrap() {
            "confirmed" => confirmed += 1,
            _ => assert_eq!(ended["reason"], "out_of_stock", "{ended}"),
        }
    }
    assert_eq!(confirmed, 10);
    // The stock hears of a shipment beside the order.
    eventually("the last of the stock", || async {
        let (on_hand, reserved) = system.stock(3).await;
        assert_eq!(on_hand, reserved);
        (on_hand == 0).then_some(())
    })
    .await;
    system.stop().await;
}

/// Bodies of `PUT /stock/4`, and paths of others; each with its answer.
const BAD_STOCK: &[(&str, u16, &str)] = &[
    ("{", 400, "malformed_json"),
    ("[5]", 400, "malformed_json"),
    ("{}", 422, "validation_failed"),
    ("{\"on_hand\": -1}", 422, "validation_failed"),
    ("{\"on_hand\": 1.5}", 422, "validation_failed"),
    ("{\"on_hand\": \"1\"}", 422, "validation_failed"),
    ("{\"on_hand\": 1000000001}", 422, "validation_failed"),
];
const BAD_PATHS: &[(&str, &str, u16, &str)] = &[
    ("inventory", "/stock/none", 404, "product_not_found"),
    ("inventory", "/stock/%FF", 404, "product_not_found"),
    ("payment", "/payments", 422, "validation_failed"),
    (
        "payment",
        "/payments?order_id=a&order_id=b",
        422,
        "validation_failed",
    ),
    ("shipping", "/shipments?order_id=", 422, "validation_failed"),
    ("search", "/search", 422, "validation_failed"),
    (
        "analytics",
        "/sales?from=tomorrow",
        422,
        "validation_failed",
    ),
    ("analytics", "/sales?by=source", 422, "validation_failed"),
];

#[tokio::test]
async fn bad_input_is_answered_with_what_is_wrong_and_changes_nothing() {
    let system = TestSystem::shop().await;
    let stock = system.url("inventory", "/stock/4");
    let put = |body: String| {
        let request = system.client.put(&stock);
        request
            .header("content-type", "application/json")
            .body(body)
    };
    let is_refused = async |request: reqwest::RequestBuilder, status: u16, slug: &str| {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{slug}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["type"], slug);
    };
    for (body, status, slug) in BAD_STOCK {
        is_refused(put((*body).to_owned()), *status, slug).await;
    }
    let large = format!("{{\"on_hand\": 1, \"x\": \"{}\"}}", "x".repeat(64 * 1024));
    is_refused(put(large), 413, "body_too_large").await;
    for (service, path, status, slug) in BAD_PATHS {
        is_refused(system.client.get(system.url(service, path)), *status, slug).await;
    }
    let long = format!("/search?q={}", "x".repeat(129));
    let long = system.client.get(system.url("search", &long));
    is_refused(long, 422, "validation_failed").await;
    let no_json = system.client.put(&stock).body("{\"on_hand\": 1}");
    is_refused(no_json, 415, "unsupported_media_type").await;
    assert_eq!(system.stock(4).await, (50, 0));
    system.stop().await;
}
