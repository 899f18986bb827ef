//! `fanout doctor`, as its users run it.

use serde_json::Value;

use crate::cloud::Cloud;
use crate::operated::{Ended, operator_command};
use crate::running::Running;

#[test]
fn the_table_is_sound_and_needs_nothing_to_say_so() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = operator_command(&["doctor"]);
    command.current_dir(nowhere.path());
    let ended = Ended::of(command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.starts_with("Looked at the table: "),
        "{ended:?}"
    );
    assert!(ended.stdout.ends_with("\nNo finding.\n"), "{ended:?}");
}

/// The embedded broker speaks Pub/Sub's REST API, and is no production: its retries are quick.
#[test]
fn a_live_project_is_read_and_compared() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let url = running.url("pubsub", "");
    let cloud = Cloud::start();
    let ended = cloud.run(&["doctor", "--pubsub-url", &url], true);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let quick = "projects/p1/subscriptions/user-events-crm: retryPolicy.minimumBackoff is \"1s\" and must be \"10s\"\n";
    assert!(ended.stdout.contains(quick), "{ended:?}");
    assert!(!ended.stdout.contains(" is missing"), "{ended:?}");
    // Pushes stay on this machine.
    let nowhere = "no subscription pushes to a service of Cloud Run, so none was looked at";
    assert!(ended.stdout.contains(nowhere), "{ended:?}");
    assert!(
        ended.stdout.contains("Looked at projects/p1: "),
        "{ended:?}"
    );

    let ended = cloud.run(&["doctor", "--json", "--pubsub-url", &url], true);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    let findings = said["findings"].as_array().unwrap();
    assert!(findings.contains(&quick.trim_end().into()), "{said}");
    assert_eq!(said["looked_at"].as_array().unwrap().len(), 2, "{said}");
}

#[test]
fn a_project_that_does_not_answer_is_an_error_and_no_finding() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let ended = Cloud::start().run(&["doctor", "--pubsub-url", &url], true);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(1), ""),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("cannot be reached"), "{ended:?}");
}
