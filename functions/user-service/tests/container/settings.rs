//! What the environment says, and what it must not say.

use crate::binary;

#[test]
fn everything_missing_from_the_environment_is_in_one_message() {
    let output = binary().env("PORT", "not a port").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stdout);
    for name in ["PORT", "GOOGLE_CLOUD_PROJECT"] {
        assert!(message.contains(&format!("  - {name} is ")), "{message}");
    }
}

#[test]
fn everything_that_is_set_to_nonsense_is_in_one_message_too() {
    let nonsense = [
        ("PORT", "eighty"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "fanout=loud"),
        ("GOOGLE_CLOUD_PROJECT", "bad project!"),
        ("FIRESTORE_DATABASE", "(other)"),
        ("FIRESTORE_EMULATOR_HOST", "::::"),
        ("PUBSUB_EMULATOR_HOST", "nowhere"),
        ("EVENT_STORE_TTL_DAYS", "0.5"),
    ];
    let output = binary().envs(nonsense).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stdout);
    for (name, value) in nonsense {
        assert!(
            message.contains(&format!("  - {name} is set to ")),
            "{message}"
        );
        assert!(!message.contains(value), "{message}");
    }
}

#[test]
fn half_a_pair_of_emulators_does_not_start() {
    let output = binary()
        .env("GOOGLE_CLOUD_PROJECT", "test")
        .env("PUBSUB_EMULATOR_HOST", "localhost:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stdout);
    let sentence = "PUBSUB_EMULATOR_HOST is set and FIRESTORE_EMULATOR_HOST is not";
    assert!(message.contains(sentence), "{message}");
}
