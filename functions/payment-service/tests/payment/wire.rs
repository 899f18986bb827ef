//! What is sent to Stripe, and what its stand-in enforces.

use payment_service::PaymentProvider as _;
use reqwest::{Client, StatusCode};
use serde_json::Value;

use crate::stand_in::{Call, SECRET_KEY, StandIn};
use crate::subject::{documents, stripe_at, troubled};

fn shown(call: &Call) -> String {
    let header = |name: &str| match call.headers.get(name) {
        Some(value) => format!("\n  {name}: {value}"),
        None => String::new(),
    };
    let names = [
        "authorization",
        "stripe-version",
        "idempotency-key",
        "content-type",
    ];
    let headers: String = names.map(header).concat();
    let form: Vec<String> = call
        .form()
        .iter()
        .map(|(name, value)| format!("\n  {name}={value}"))
        .collect();
    format!("{} {}{headers}{}\n", call.method, call.path, form.concat())
}

#[tokio::test]
async fn a_capture_and_its_undo_and_an_undo_of_what_was_declined_are_these_calls() {
    let subject = troubled(|_| None).await;
    for (key, charge) in [("aa", subject.paid()), ("bb", subject.declined())] {
        subject.provider.capture(key, &charge).await.unwrap();
        let undo = format!("{key}-undo");
        let taken = subject.provider.take_back(key, &undo, &charge).await;
        taken.unwrap();
    }
    let books = subject.stripe.as_ref().unwrap().books();
    let calls: Vec<String> = books.calls.iter().map(shown).collect();
    insta::assert_snapshot!(calls.join("\n"));
}

async fn post(at: &StandIn, path: &str, key: &str, body: &'static str) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", at.address);
    let request = Client::new().post(url).bearer_auth(SECRET_KEY).body(body);
    let request = request.header("idempotency-key", key);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_stand_in_takes_no_key_for_two_things() {
    let stand_in = StandIn::open(|_| None).await;
    let (path, body) = (
        "/v1/payment_intents",
        "amount=5&payment_method=pm_card_visa",
    );
    let first = post(&stand_in, path, "k", body).await;
    assert_eq!(first.1["id"], "pi_1");
    assert_eq!(post(&stand_in, path, "k", body).await, first);
    let other = "amount=6&payment_method=pm_card_visa";
    let (status, said) = post(&stand_in, path, "k", other).await;
    assert_eq!(
        (status, &said["error"]["type"]),
        (StatusCode::BAD_REQUEST, &"idempotency_error".into())
    );
    let both = tokio::join!(
        post(&stand_in, path, "l", body),
        post(&stand_in, path, "l", body)
    );
    let mut statuses = [both.0.0.as_u16(), both.1.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    stand_in.forget_keys();
    assert_eq!(post(&stand_in, path, "k", body).await.1["id"], "pi_3");
}

/// A key that is used for another charge is a fault of ours: nothing is captured, and it is loud.
#[tokio::test]
async fn the_same_key_with_another_body_is_refused_loudly() {
    let subject = troubled(|_| None).await;
    subject
        .provider
        .capture("key", &subject.declined())
        .await
        .unwrap();
    // Another store: what was kept of the first charge is lost.
    let stand_in = subject.stripe.as_ref().unwrap();
    let amnesiac = stripe_at(stand_in, &documents().await);
    let refused = amnesiac.capture("key", &subject.paid()).await.unwrap_err();
    let refused = fanout_runtime::error_chain(&refused);
    assert!(refused.contains("idempotency_error"), "{refused}");
    assert_eq!(subject.captures().await, (0, 0));
}
