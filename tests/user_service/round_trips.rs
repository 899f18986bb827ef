//! How often an answer waits for the store or the bus.

use http::{Method, StatusCode};
use serde_json::json;

use super::halting::{Death, Mortal};
use super::service::Service;

#[tokio::test]
async fn a_sign_up_waits_for_its_commit_and_its_publish() {
    let service = Service::new().await;
    for headers in [&[][..], &[("idempotency-key", "key")]] {
        let counted = Mortal::beside(&service, Death::NEVER);
        let body = json!({"email": format!("user{}@example.com", headers.len()), "name": "Ada"});
        let sign_up = counted.service.send(Method::POST, "/users", headers, &body);
        assert_eq!(sign_up.await.status, StatusCode::CREATED);
        assert_eq!(counted.calls(), 2);
        counted.service.outbox.drain().await;
        assert_eq!(counted.calls(), 3, "row and lease go in one commit more");
        assert_eq!(service.bus.events().len(), headers.len() + 1);
    }
}

#[tokio::test]
async fn a_change_waits_for_one_read_more() {
    let service = Service::new().await;
    let user = service.new_user("ada@example.com").await;
    service.outbox.drain().await;
    let counted = Mortal::beside(&service, Death::NEVER);
    counted.service.patch(&user, &json!({"name": "Ada"})).await;
    assert_eq!(counted.calls(), 3);
    counted.service.outbox.drain().await;
    let counted = Mortal::beside(&service, Death::NEVER);
    counted.service.patch(&user, &json!({"name": "Ada"})).await;
    assert_eq!(counted.calls(), 1, "nothing changes");
}
