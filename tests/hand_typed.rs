//! What people type into `gcloud pubsub topics publish` reaches all three services.

use std::process::Stdio;

use fanout::cli::PUBSUB;
use tokio::process::Command;

use crate::support::TestSystem;

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(
    not(emulators),
    ignore = "needs gcloud, which comes with Google's emulators"
)]
async fn the_short_form_published_by_the_real_gcloud_reaches_all_three() {
    let system = TestSystem::embedded().await;
    let message = r#"{"userId": "test-123", "email": "manual@test.com", "name": "Manual Test", "event": "user.created"}"#;
    let config = tempfile::tempdir().unwrap();
    let output = Command::new("gcloud")
        .args([
            "pubsub",
            "topics",
            "publish",
            "user-events",
            "--message",
            message,
        ])
        .env(
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB",
            system.url(PUBSUB, "/"),
        )
        .env("CLOUDSDK_AUTH_ACCESS_TOKEN", "local")
        .env("CLOUDSDK_CORE_PROJECT", "fanout-local")
        .env("CLOUDSDK_CONFIG", config.path())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("messageIds:"), "{shown}");
    system.assert_reacted_once(&["test-123".to_owned()]).await;
    assert_eq!(
        system.contact("test-123").await.unwrap()["source"],
        "manual"
    );
}
