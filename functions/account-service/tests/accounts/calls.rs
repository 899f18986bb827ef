//! What each call answers.

use serde_json::{Value, json};

use crate::scene::{Scene, slug};

#[tokio::test]
async fn an_account_is_opened_and_answered_as_it_is() {
    let scene = Scene::new().await;
    let (status, account) = scene
        .post("/accounts", json!({"owner": "alice", "currency": "JPY"}))
        .await;
    let id = account["id"].as_str().unwrap();
    assert!(id.starts_with("acc_"));
    let expected = json!({
        "id": id, "owner": "alice", "currency": "JPY", "balance": "0", "version": 1,
    });
    assert_eq!((status, &account), (201, &expected));
    assert_eq!(scene.get(&format!("/accounts/{id}")).await, (200, expected));
    for path in [
        "/accounts/acc_none",
        "/accounts/acc_none/events",
        "/accounts/%ff",
    ] {
        assert_eq!(
            slug(&scene.get(path).await),
            (404, "account_not_found"),
            "{path}"
        );
    }
    let before = format!("/accounts/{id}?recorded_at=2023-12-31");
    assert_eq!(slug(&scene.get(&before).await), (404, "account_not_found"));
}

/// Asks all of it; each must be refused by its slug, and leave the account as it is.
async fn all_refused(scene: &Scene, id: &str, refused: Vec<(String, Value, &str)>) {
    for (path, body, expected) in refused {
        let answer = scene.post(&path, body.clone()).await;
        assert_eq!(slug(&answer), (422, expected), "{path} {body} {}", answer.1);
    }
    let (_, account) = scene.get(&format!("/accounts/{id}")).await;
    let stands = (&account["balance"], &account["version"]);
    assert_eq!(stands, (&json!("10.00"), &json!(2)));
}

#[tokio::test]
async fn a_movement_that_an_account_does_not_make_is_422_and_no_event() {
    let scene = Scene::new().await;
    let id = scene.open("alice").await;
    scene.deposit(&id, "10.00").await;
    let deposit = |body: Value, slug| (format!("/accounts/{id}/deposits"), body, slug);
    let reversal = |sequence: u64, slug| {
        let body = json!({"sequence": sequence});
        (format!("/accounts/{id}/reversals"), body, slug)
    };
    let (withdrawal, closing) = (
        format!("/accounts/{id}/withdrawals"),
        format!("/accounts/{id}/close"),
    );
    let too_much = json!({"amount": "9999999999999.99"});
    let soon = json!({"amount": 1, "effective_at": "soon"});
    let refused = vec![
        (withdrawal, json!({"amount": "10.01"}), "insufficient_funds"),
        deposit(json!({"amount": 1, "currency": "EUR"}), "currency_mismatch"),
        deposit(json!({"amount": "0.00"}), "validation_failed"),
        deposit(json!({"amount": "0.001"}), "validation_failed"),
        deposit(json!({"amount": -1}), "validation_failed"),
        deposit(too_much, "validation_failed"),
        deposit(soon, "validation_failed"),
        deposit(json!({}), "validation_failed"),
        (closing, json!({}), "balance_left"),
        reversal(1, "not_reversible"),
        reversal(9, "not_reversible"),
        reversal(0, "validation_failed"),
    ];
    all_refused(&scene, &id, refused).await;
}

#[tokio::test]
async fn a_time_that_no_reader_could_read_again_is_422_and_the_accounts_stay_readable() {
    let scene = Scene::new().await;
    let (id, other) = (scene.open("alice").await, scene.open("bob").await);
    scene.deposit(&id, "10.00").await;
    for time in ["+10000-01-01", "-0001-01-01", "9999-12-31T23:30:00-01:00"] {
        let body = json!({"from": id, "to": other, "amount": 1, "effective_at": time});
        let deposit = json!({"amount": 1, "effective_at": time});
        for (path, body) in [
            (format!("/accounts/{id}/deposits"), deposit),
            ("/transfers".to_owned(), body),
        ] {
            let answer = scene.post(&path, body).await;
            assert_eq!(slug(&answer), (422, "validation_failed"), "{path} {time}");
        }
        for field in ["recorded_at", "effective_at"] {
            let time = time.replace('+', "%2B");
            let answer = scene.get(&format!("/accounts/{id}?{field}={time}")).await;
            assert_eq!(slug(&answer), (422, "validation_failed"), "{field} {time}");
        }
    }
    assert_eq!(scene.balance(&id, "").await, "10.00");
    assert_eq!(scene.balance(&other, "").await, "0.00");
    assert_eq!(scene.verified().await.faults, []);
}

#[tokio::test]
async fn a_transfer_that_one_side_does_not_make_is_made_by_neither() {
    let scene = Scene::new().await;
    let (id, other) = (scene.open("alice").await, scene.open("bob").await);
    let yen = json!({"owner": "eve", "currency": "JPY"});
    let (_, yen) = scene.post("/accounts", yen).await;
    scene.deposit(&id, "10.00").await;
    let transfer = |to: &str, amount: &str| json!({"from": id, "to": to, "amount": amount});
    let to = |to: &str, amount: &str, slug| ("/transfers".to_owned(), transfer(to, amount), slug);
    let refused = vec![
        to(&other, "10.01", "insufficient_funds"),
        to(yen["id"].as_str().unwrap(), "1", "currency_mismatch"),
        to(&id, "1", "validation_failed"),
    ];
    all_refused(&scene, &id, refused).await;
    let nobody = scene.post("/transfers", transfer("acc_none", "1")).await;
    assert_eq!(slug(&nobody), (404, "account_not_found"));
    let not_json = scene.post("/transfers", json!([])).await;
    assert_eq!(slug(&not_json), (400, "malformed_json"));
    assert_eq!(scene.verified().await.events, 4);
}

#[tokio::test]
async fn a_closed_account_takes_part_in_nothing() {
    let scene = Scene::new().await;
    let (id, other) = (scene.open("alice").await, scene.open("bob").await);
    scene.deposit(&other, "5").await;
    let close = format!("/accounts/{id}/close");
    assert_eq!(scene.post(&close, Value::Null).await.0, 201);
    for answer in [
        scene.post(&close, Value::Null).await,
        scene.deposit(&id, "1").await,
        scene.transfer(&other, &id, "1").await,
    ] {
        assert_eq!(slug(&answer), (422, "account_closed"));
    }
    assert_eq!(
        scene.balance(&other, "").await,
        "5.00",
        "neither side happened"
    );
}

#[tokio::test]
async fn a_reversal_is_one_more_event_and_there_is_one_for_a_movement() {
    let scene = Scene::new().await;
    let id = scene.open("alice").await;
    scene.deposit(&id, "100").await;
    scene.withdraw(&id, "40").await;
    let reverse = format!("/accounts/{id}/reversals");
    let (status, account) = scene.post(&reverse, json!({"sequence": 3})).await;
    assert_eq!((status, &account["balance"]), (201, &json!("100.00")));
    let again = scene.post(&reverse, json!({"sequence": 3})).await;
    assert_eq!(slug(&again), (422, "already_reversed"));
    let reversal = scene.post(&reverse, json!({"sequence": 4})).await;
    assert_eq!(slug(&reversal), (422, "not_reversible"));
    scene.withdraw(&id, "1").await;
    let spent = scene.post(&reverse, json!({"sequence": 2})).await;
    assert_eq!(slug(&spent), (422, "insufficient_funds"));
    assert_eq!(scene.verified().await.faults, []);
}

#[tokio::test]
async fn the_statement_has_every_event_with_the_balance_after_it_page_by_page() {
    let scene = Scene::new().await;
    let id = scene.open("alice").await;
    for _ in 0..6 {
        scene.deposit(&id, "1.50").await;
    }
    let (mut balances, mut page) = (Vec::new(), String::new());
    loop {
        let path = format!("/accounts/{id}/events?limit=3{page}");
        let (status, statement) = scene.get(&path).await;
        assert_eq!(status, 200, "{statement}");
        for event in statement["events"].as_array().unwrap() {
            balances.push(event["balance"].as_str().unwrap().to_owned());
            assert_eq!(event["sequence"], balances.len());
            assert_eq!(event["data"]["account_id"], json!(id));
        }
        match statement["next_page_token"].as_str() {
            Some(token) => page = format!("&page_token={token}"),
            None => break,
        }
    }
    assert_eq!(
        balances,
        ["0.00", "1.50", "3.00", "4.50", "6.00", "7.50", "9.00"]
    );
    for bad in ["limit=0", "limit=101", "page_token=x"] {
        let answer = scene.get(&format!("/accounts/{id}/events?{bad}")).await;
        assert_eq!(slug(&answer), (422, "validation_failed"), "{bad}");
    }
}
