//! `fanout up --emulators`: Google's emulators, started and stopped by the command itself.

use std::net::TcpStream;

use serde_json::json;

use crate::running::{Running, fanout, wait_until};

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install pubsub-emulator cloud-firestore-emulator"
)]
fn the_system_runs_on_emulators_that_it_starts_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.arg("--emulators");
    let running = Running::of(command);
    let body = json!({"email": "a@example.com", "name": "A"});
    let (status, user) = running.post("user", "/users", &body);
    assert_eq!(status, 201);
    let id = user["id"].as_str().unwrap();
    let contact = format!("/contacts/{id}");
    wait_until("the contact", || running.get("crm", &contact).0 == 200);
    wait_until("the count", || running.count() == 1);
    let emulator = running.url("pubsub", "").replace("http://", "");
    let (code, output) = running.interrupt();
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("On Google's emulators"), "{output}");
    wait_until("the emulator is gone", || {
        TcpStream::connect(&emulator).is_err()
    });
}
