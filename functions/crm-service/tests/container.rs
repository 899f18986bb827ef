//! The container's binary as Cloud Run starts and stops it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

fn container() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm-service"));
    command.env_clear();
    command
}

#[test]
fn everything_missing_from_the_environment_is_in_one_message() {
    let output = container().env("PORT", "not a port").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stdout);
    for name in [
        "PORT",
        "GOOGLE_CLOUD_PROJECT",
        "DEAD_LETTER_TOPIC",
        "PUSH_AUTH",
    ] {
        assert!(message.contains(&format!("  - {name} is ")), "{message}");
    }
}

/// Firestore's client connects at the start; a listener that never says anything is enough for it.
#[test]
fn it_says_that_it_is_ready_and_stops_at_sigterm() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let firestore = TcpListener::bind("127.0.0.1:0").unwrap();
    let firestore_host = firestore.local_addr().unwrap().to_string();
    let mut child = container()
        .envs([
            ("PORT", port.as_str()),
            ("GOOGLE_CLOUD_PROJECT", "test"),
            ("DEAD_LETTER_TOPIC", "crm-dead-letters"),
            ("PUSH_AUTH", "iam"),
            ("FIRESTORE_EMULATOR_HOST", firestore_host.as_str()),
            ("PUBSUB_EMULATOR_HOST", "127.0.0.1:1"),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains("\"ready\""));
    assert!(ready.is_some_and(|line| line.contains("\"severity\":\"INFO\"")));
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        lines
            .map(Result::unwrap)
            .any(|line| line.contains("\"stopped\""))
    );
}
