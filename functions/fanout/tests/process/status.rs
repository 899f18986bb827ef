//! `fanout status`

use serde_json::{Value, json};

use crate::operated::{Ended, on_every_engine, operator_command};
use crate::running::{Running, wait_until};

on_every_engine! {
    fn what_is_blocked_and_what_failed_is_on_one_screen(system) {
        let fine = system.run(&["status"]);
        assert_eq!(fine.code, Some(0), "{fine:?}");
        assert!(fine.stdout.ends_with("\nNothing is wrong.\n"), "{fine:?}");

        system.publish_raw("not JSON");
        for consumer in ["email", "analytics", "crm"] {
            system.wait_for_dead_letters(consumer, 1);
        }
        system.topic_of_users("DELETE");
        let body = json!({"email": "secret@example.com", "name": "Secret Name"});
        assert_eq!(system.running.post("user", "/users", &body).0, 201);
        let status = || system.json(&["status"]);
        wait_until("the refusal", || status()["outbox"]["refused"][0].is_object());
        let status = status();
        let event = &status["outbox"]["refused"][0];
        assert_eq!(status["outbox"]["waiting"], 1);
        assert_eq!(event["type"], "user.created");
        let id = event["event_id"].as_str().unwrap();
        assert_eq!(status["outbox"]["oldest"]["event_id"], id);
        let one = json!({"undecodable": 1});
        let consumers = status["consumers"].as_array().unwrap();
        assert!(consumers.iter().all(|of| of["dead_letters"] == one), "{status:#}");
        // However long it has waited on a machine that is busy.
        let wrong = status["wrong"].as_array().unwrap();
        let lasting = |it: &&Value| !it.as_str().unwrap().starts_with("an event waits for");
        let wrong: Vec<&Value> = wrong.iter().filter(lasting).collect();
        let wrong = serde_json::to_string_pretty(&wrong).unwrap().replace(id, "[id]");
        // On the embedded engine the lines name its port.
        let bus = format!(" --pubsub-url '{}'", system.running.url("pubsub", ""));
        let wrong = wrong.replace(&bus, "");
        insta::assert_snapshot!("wrong", wrong);
        let text = system.run(&["status"]);
        assert_eq!(text.code, Some(1));
        assert!(text.stdout.contains("dead letters       1 undecodable\n"), "{text:?}");
        for answer in [&text.stdout, &status.to_string()] {
            assert!(!answer.contains("Secret") && !answer.contains("secret@"), "{answer}");
        }
    }
}

#[test]
fn of_a_system_that_does_not_run_it_says_what_can_be_read_and_what_cannot() {
    let data = tempfile::tempdir().unwrap();
    let status = || {
        let mut command = operator_command(&["status", "--pubsub-url", "http://127.0.0.1:1"]);
        command.arg("--data-dir").arg(data.path());
        Ended::of(command)
    };
    let none = status();
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(
        none.stdout
            .contains("Wrong: the outbox cannot be read: there is no data in"),
        "{none:?}"
    );
    let running = Running::start(data.path());
    let body = json!({"email": "a@example.com", "name": "A"});
    assert_eq!(running.post("user", "/users", &body).0, 201);
    wait_until("the count", || running.count() == 1);
    running.interrupt();
    let stopped = status();
    assert_eq!(stopped.code, Some(1));
    let said = stopped.stdout;
    assert!(said.contains("  waiting            none\n"), "{said}");
    assert!(
        said.contains("Wrong: the dead letters of email cannot be read:"),
        "{said}"
    );
    assert!(said.contains("start `fanout up`"), "{said}");
}
