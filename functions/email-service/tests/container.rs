//! The container's binary, started without its settings.

use std::process::Command;

#[test]
fn everything_missing_from_the_environment_is_in_one_message() {
    let output = Command::new(env!("CARGO_BIN_EXE_email-service"))
        .env_clear()
        .env("PORT", "not a port")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stdout);
    for name in [
        "PORT",
        "GOOGLE_CLOUD_PROJECT",
        "DEAD_LETTER_TOPIC",
        "PUSH_AUTH",
        "MAIL_FROM",
        "SMTP_URL",
    ] {
        assert!(message.contains(&format!("  - {name} is ")), "{message}");
    }
}
