//! One request and all that follows from it is one trace: whole trees, of what happens and of what goes
//! wrong.

mod tree;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use fanout_bus::{OutgoingMessage, PushedMessage, X_REDRIVE};
use fanout_dedup::{Ledger, Links, Seen};
use fanout_events::{Decoded, Received, decode_message};
use fanout_runtime::{Clock as _, SystemIds, Timings};
use fanout_testkit::ManualClock;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::support::LoneConsumer;
use crate::user_service::{Mood, Service};
use tree::{spans_of, trees};

const ADDRESS: &str = "secret.person@example.com";

/// A message on its way to a consumer.
fn pushed(message: &OutgoingMessage, consumer: &LoneConsumer) -> PushedMessage {
    PushedMessage {
        message_id: "7".to_owned(),
        publish_time: "2026-11-20T12:00:00Z".parse().unwrap(),
        data: message.data.clone(),
        attributes: message.attributes.clone(),
        ordering_key: message.ordering_key.clone(),
        subscription: format!("projects/test/subscriptions/user-events-{}", consumer.name),
        delivery_attempt: Some(1),
    }
}

/// Delivers it; gives its outcome.
async fn deliver(consumer: &LoneConsumer, message: &PushedMessage, redriven: bool) -> String {
    let mut request = Request::post("/pubsub/push").header("content-type", "application/json");
    if redriven {
        request = request.header(X_REDRIVE, "1");
    }
    let request = request
        .body(Body::from(message.to_json().unwrap()))
        .unwrap();
    let response = consumer.app.clone().oneshot(request).await.unwrap();
    response.headers()["x-outcome"].to_str().unwrap().to_owned()
}

/// Signs a user up; gives the message, once nothing of the request goes on.
async fn signed_up(service: &Service) -> OutgoingMessage {
    assert_eq!(service.sign_up(ADDRESS).await.status, StatusCode::CREATED);
    service.outbox.drain().await;
    service.bus.messages().pop().unwrap()
}

/// The trees of what these do, in which no address is.
async fn trees_of(what: impl Future<Output = ()>) -> String {
    let spans = spans_of(what).await;
    assert!(!format!("{spans:?}").contains("secret"), "{spans:?}");
    trees(&spans)
}

#[tokio::test]
async fn a_sign_up_is_one_tree_from_the_request_to_every_reaction() {
    let (service, consumers) = (Service::new().await, LoneConsumer::each().await);
    let told = trees_of(async {
        let message = signed_up(&service).await;
        for consumer in &consumers {
            let outcome = deliver(consumer, &pushed(&message, consumer), false).await;
            assert_eq!(outcome, "done", "{}", consumer.name);
        }
    });
    insta::assert_snapshot!(told.await);
}

#[tokio::test]
async fn a_caller_s_trace_goes_on_whether_the_caller_keeps_it_or_not() {
    let service = Service::new().await;
    let told = trees_of(async {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let body = serde_json::json!({"email": ADDRESS, "name": "Secret Person"});
        let headers = [("traceparent", parent)];
        let (method, path) = (http::Method::POST, "/users");
        let answer = service.send(method, path, &headers, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        service.outbox.drain().await;
        let message = service.bus.messages().pop().unwrap();
        let sent = &message.attributes["traceparent"];
        assert_eq!(&message.attributes["googclient_traceparent"], sent);
        assert_eq!(sent[..36], parent[..36]);
        assert_ne!(sent[36..52], parent[36..52], "the event's own creation");
    });
    insta::assert_snapshot!(told.await);
    let spans = spans_of(async {
        // As Cloud Run writes nearly always.
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let headers = [("traceparent", parent)];
        let (method, path) = (http::Method::GET, "/users/usr_1");
        service.call(method, path, &headers, "").await;
    });
    let spans = spans.await;
    let trace = spans[0].span_context.trace_id().to_string();
    assert_eq!(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn the_trace_of_a_publisher_in_another_language_goes_on_by_google_s_own_attribute() {
    let (service, crm) = (Service::new().await, LoneConsumer::crm().await);
    let told = trees_of(async {
        let mut message = pushed(&signed_up(&service).await, &crm);
        message.attributes.remove("traceparent");
        assert!(message.attributes.contains_key("googclient_traceparent"));
        assert_eq!(deliver(&crm, &message, false).await, "done");
    });
    let told = told.await;
    let process = told.find("process user-events-crm").unwrap();
    let second_trace = told.find("trace 2").unwrap();
    assert!(process < second_trace, "{told}");
}

#[tokio::test]
async fn a_late_relay_sends_into_the_trace_of_the_request() {
    let (service, consumers) = (Service::new().await, LoneConsumer::each().await);
    let told = trees_of(async {
        service.bus.turn(Mood::Refusing);
        assert_eq!(service.sign_up(ADDRESS).await.status, StatusCode::CREATED);
        service.outbox.drain().await;
        service.bus.turn(Mood::Up);
        assert_eq!(service.relay_later().await["published"], 1);
        let message = service.bus.messages().pop().unwrap();
        for consumer in &consumers {
            let outcome = deliver(consumer, &pushed(&message, consumer), false).await;
            assert_eq!(outcome, "done", "{}", consumer.name);
        }
    });
    insta::assert_snapshot!(told.await);
}

#[tokio::test]
async fn a_duplicate_shows_as_one() {
    let (service, crm) = (Service::new().await, LoneConsumer::crm().await);
    let told = trees_of(async {
        let message = pushed(&signed_up(&service).await, &crm);
        assert_eq!(deliver(&crm, &message, false).await, "done");
        assert_eq!(deliver(&crm, &message, false).await, "duplicate");
    });
    insta::assert_snapshot!(told.await);
}

/// Claims the event for a holder that was cut off long ago.
async fn claimed_by_a_dead_holder(email: &LoneConsumer, message: &PushedMessage) {
    let long_ago = ManualClock::new("2026-11-20T12:00:00Z".parse().unwrap());
    let received = Received {
        data: &message.data,
        message_id: &message.message_id,
        publish_time: long_ago.now(),
    };
    let decoded = decode_message(&received, &message.attributes);
    let Decoded { event, fingerprint } = decoded.unwrap();
    let documents = email.documents.clone();
    let timings = Timings::PRODUCTION;
    let ledger = Ledger::new(documents, Arc::new(long_ago), Arc::new(SystemIds), timings);
    let seen = Seen {
        consumer: email.name,
        event_id: event.id,
        fingerprint,
        links: Links::default(),
    };
    ledger.claim(&seen, &[]).await.unwrap();
}

#[tokio::test]
async fn a_takeover_shows_that_the_effect_may_have_been_made_before() {
    let service = Service::new().await;
    let email = LoneConsumer::of(&email_service::SERVICE).await;
    let told = trees_of(async {
        let message = pushed(&signed_up(&service).await, &email);
        claimed_by_a_dead_holder(&email, &message).await;
        assert_eq!(deliver(&email, &message, false).await, "done");
    });
    insta::assert_snapshot!(told.await);
}

#[tokio::test]
async fn a_park_and_the_redrive_after_it_are_two_traces_with_a_link() {
    let (service, crm) = (Service::new().await, LoneConsumer::crm().await);
    let told = trees_of(async {
        let good = pushed(&signed_up(&service).await, &crm);
        let garbage = PushedMessage {
            data: "garbage".into(),
            ..good.clone()
        };
        assert_eq!(deliver(&crm, &garbage, false).await, "parked");
        assert_eq!(deliver(&crm, &good, true).await, "done");
    });
    insta::assert_snapshot!(told.await);
}

#[tokio::test]
async fn a_run_of_the_relay_that_has_nothing_to_do_is_no_trace() {
    let service = Service::new().await;
    let spans = spans_of(async {
        tokio::time::timeout(Duration::from_secs(60), service.relay())
            .await
            .unwrap();
    });
    assert_eq!(trees(&spans.await), "");
}
