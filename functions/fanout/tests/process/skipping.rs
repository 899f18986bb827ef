//! `fanout publish --skip`

use serde_json::{Value, json};

use crate::operated::{Ended, Operated, on_every_engine, operator_command};
use crate::running::wait_until;

const REASON: &str = "its topic was gone when it was to go";

/// The user's event of this number, as `fanout trace` tells of it.
fn event(system: &Operated, user: &str, sequence: usize) -> Value {
    system.json(&["trace", "--user", user])["events"][sequence - 1].clone()
}

/// A user who was created and changed while the bus refused both events for good.
fn blocked(system: &Operated) -> String {
    system.topic_of_users("DELETE");
    let body = json!({"email": "secret@example.com", "name": "Secret Name"});
    let (status, user) = system.running.post("user", "/users", &body);
    assert_eq!(status, 201);
    let id = user["id"].as_str().unwrap().to_owned();
    let path = format!("/users/{id}");
    let changed = system
        .running
        .call("PATCH", "user", &path, &json!({"name": "Secret Other"}));
    assert_eq!(changed, 200);
    id
}

/// Skips it. While a run of the relay holds its line that is refused, and tried again.
fn skip(system: &Operated, event_id: &str, more: &[&str]) -> Ended {
    let last = std::cell::RefCell::new(None);
    wait_until("the skip", || {
        let skip = ["publish", "--skip", event_id, "--reason", REASON];
        let ended = system.run(&[&skip, more].concat());
        let busy = ended.stderr.contains("try again in a minute");
        last.replace(Some(ended));
        !busy
    });
    last.into_inner().unwrap()
}

on_every_engine! {
    fn an_event_that_is_refused_is_skipped_and_its_subject_goes_on(system) {
        let user = blocked(&system);
        let first = event(&system, &user, 1)["event_id"].as_str().unwrap().to_owned();
        let skipped = skip(&system, &first, &[]);
        assert_eq!(skipped.code, Some(0), "{skipped:?}");
        let text = skipped.stdout.replace(&first, "[id]");
        insta::assert_snapshot!("skipped", crate::operated::scrubbed(&text));
        let told = event(&system, &user, 1)["publication"].clone();
        insta::assert_json_snapshot!("skipped_in_trace", told, {".at" => "[time]"});

        // Once more changes nothing, and answers the same.
        let again = skip(&system, &first, &["--json"]);
        let again: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(again, json!({"event_id": first, "skipped_at": told["at"], "skip_reason": REASON}));

        system.topic_of_users("PUT");
        wait_until("the second event", || event(&system, &user, 2)["publication"]["state"] == "published");
        assert_eq!(event(&system, &user, 1)["publication"], told);
        let second = event(&system, &user, 2)["event_id"].as_str().unwrap().to_owned();
        let published = skip(&system, &second, &[]);
        assert_eq!(published.code, Some(1), "{published:?}");
        assert!(published.stderr.contains("was not skipped: it was published at 20"), "{published:?}");
        let unknown = skip(&system, "evt_none/..", &[]);
        assert_eq!(unknown.code, Some(1));
        // The ticker answers with a status, too.
        let told = unknown.stderr.replace(" (status 404)", "");
        insta::assert_snapshot!("skipped_unknown", told);
        let long = "x".repeat(501);
        let long = system.run(&["publish", "--skip", &first, "--reason", &long]);
        assert!(long.stderr.contains("was not skipped: a reason has 1 to 500 characters"), "{long:?}");
    }
}

#[test]
fn without_a_system_that_runs_nothing_is_skipped() {
    let skip = |arguments: &[&str]| {
        let mut command = operator_command(&[&["publish", "--skip", "evt_1"], arguments].concat());
        command.env("FANOUT_TICKER_URL", "http://127.0.0.1:1");
        Ended::of(command)
    };
    let away = skip(&["--reason", REASON]);
    assert_eq!(away.code, Some(1), "{away:?}");
    assert!(away.stderr.contains("start `fanout up`"), "{away:?}");
    let wrong: [&[&str]; 4] = [
        &[],
        &["--reason", ""],
        &["--reason", REASON, "--raw"],
        &["--reason", REASON, "--data", "{}"],
    ];
    for arguments in wrong {
        assert_eq!(skip(arguments).code, Some(2), "{arguments:?}");
    }
}

/// A web page can send text without being asked first.
#[test]
fn the_route_takes_json_from_this_machine_only() {
    let system = Operated::embedded();
    let skip = "/outbox/evt_1/skip";
    let ask = json!({"reason": REASON});
    let answer = |status: u16, (found, problem): (u16, Value)| {
        assert_eq!(
            (found, &problem["status"]),
            (status, &json!(status)),
            "{problem}"
        );
        problem["type"].clone()
    };
    let unknown = answer(404, system.running.post("ticker", skip, &ask));
    assert_eq!(unknown, "event_not_found");
    assert_eq!(
        answer(400, system.running.post("ticker", skip, &json!({}))),
        "invalid_request"
    );
    let empty = json!({"reason": " "});
    assert_eq!(
        answer(422, system.running.post("ticker", skip, &empty)),
        "validation_failed"
    );
    let client = reqwest::Client::new();
    let text = client
        .post(system.running.url("ticker", skip))
        .body(ask.to_string());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert_eq!(runtime.block_on(text.send()).unwrap().status(), 415);
}
