//! What failed inside stays inside: the log says it, the answer does not.

use fanout_store::{Fields, Key, Write};
use http::StatusCode;

use super::service::Service;
use crate::support::captured_logs;

#[tokio::test]
async fn a_500_says_nothing_of_its_cause_and_the_log_does() {
    let service = Service::new().await;
    let broken = Write::set(
        Key::new(user_service::USERS, "usr_broken"),
        Fields::new().with("email", true),
    );
    service.documents.commit(vec![broken]).await.unwrap();
    let (answer, logs) = captured_logs(service.get("usr_broken")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "detail": "The fault has been logged. Trying again will probably not help.",
      "status": 500,
      "title": "Something went wrong on our side",
      "type": "internal_error"
    }
    "#);
    assert!(logs.contains("the stored document has no field"), "{logs}");
}
