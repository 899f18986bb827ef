//! `fanout replay`

use serde_json::{Value, json};

use crate::operated::{Ended, Operated, on_every_engine};
use crate::running::{send_signal, wait_until};

const REPLAY: [&str; 7] = [
    "replay",
    "--consumer",
    "crm",
    "--from",
    "2000-01-01",
    "--to",
    "2100-01-01",
];

fn replay(system: &Operated, more: &[&str]) -> Ended {
    system.run(&[&REPLAY[..], more].concat())
}

fn outcomes(system: &Operated, more: &[&str]) -> Value {
    system.json(&[&REPLAY[..], more].concat())["outcomes"].clone()
}

fn sign_up(system: &Operated, name: &str) -> String {
    let body = json!({"email": format!("{name}@example.com"), "name": name});
    let (status, user) = system.running.post("user", "/users", &body);
    assert_eq!(status, 201);
    user["id"].as_str().unwrap().to_owned()
}

/// Signs these users up while crm has no subscription; then it has one again.
fn missed_by_crm(system: &Operated, names: &[String]) -> Vec<String> {
    let path = "/v1/projects/fanout-local/subscriptions/user-events-crm";
    let before = system.running.count();
    assert_eq!(
        system.running.call("DELETE", "pubsub", path, &json!({})),
        200
    );
    let users: Vec<String> = names.iter().map(|name| sign_up(system, name)).collect();
    wait_until("the others", || {
        let mailed = users.iter().all(|user| system.mails_to(user) == 1);
        mailed && system.running.count() == before + users.len()
    });
    let subscription = json!({
        "topic": "projects/fanout-local/topics/user-events",
        "ackDeadlineSeconds": 60,
        "pushConfig": {"pushEndpoint": system.running.url("crm", "/pubsub/push")},
    });
    assert_eq!(
        system.running.call("PUT", "pubsub", path, &subscription),
        200
    );
    users
}

fn contacts(system: &Operated, users: &[String]) -> usize {
    let has = |user: &&String| system.running.get("crm", &format!("/contacts/{user}")).0 == 200;
    users.iter().filter(has).count()
}

on_every_engine! {
    fn a_gap_is_filled_once_and_no_other_consumer_gets_anything(system) {
        let first = sign_up(&system, "first");
        system.wait_for_effects(&first, (1, 1, 200));
        let missed = missed_by_crm(&system, &["second".to_owned()]);
        let planned = replay(&system, &["--dry-run"]);
        assert_eq!(planned.code, Some(0), "{planned:?}");
        let endpoint = system.running.url("crm", "/pubsub/push");
        insta::assert_snapshot!("replay_dry_run", planned.stdout.replace(&endpoint, "[endpoint]"));
        assert_eq!(contacts(&system, &missed), 0);

        let replayed = replay(&system, &["--rate", "100"]);
        assert_eq!(replayed.code, Some(0), "{replayed:?}");
        insta::assert_snapshot!("replay", replayed.stdout);
        system.wait_for_effects(&missed[0], (2, 1, 200));
        assert_eq!(outcomes(&system, &[]), json!({"duplicate": 2}));
        assert_eq!(outcomes(&system, &["--subject", &missed[0]]), json!({"duplicate": 1}));
        assert_eq!(outcomes(&system, &["--type", "user.created"]), json!({"duplicate": 2}));
        assert_eq!(outcomes(&system, &["--type", "user.deleted"]), json!({}));
        assert_eq!(outcomes(&system, &["--cursor", "2099-01-01"]), json!({}));
        assert_eq!((system.effects(&first), system.dead_letters("crm")), ((2, 1, 200), 0));

        // What waits is published sooner or later, and what was skipped never.
        system.topic_of_users("DELETE");
        let waits = sign_up(&system, "third");
        assert_eq!(outcomes(&system, &[]), json!({"duplicate": 2, "waiting": 1}));
        let trace = system.json(&["trace", "--user", &waits]);
        let id = trace["events"][0]["event_id"].as_str().unwrap();
        wait_until("the skip", || {
            system.run(&["publish", "--skip", id, "--reason", "a test"]).code == Some(0)
        });
        assert_eq!(outcomes(&system, &[]), json!({"duplicate": 2, "skipped": 1}));
    }
}

#[test]
fn at_ctrl_c_it_says_the_line_that_goes_on() {
    const USERS: usize = 6;
    let system = Operated::embedded();
    let names: Vec<String> = (0..USERS).map(|number| format!("u{number}")).collect();
    let users = missed_by_crm(&system, &names);
    let stopped = system.spawn(&[&REPLAY[..], &["--rate", "2", "--json"]].concat());
    wait_until("a contact", || contacts(&system, &users) >= 2);
    send_signal("-INT", stopped.id());
    let ended = Ended::wait(stopped);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("fanout: interrupted"), "{ended:?}");
    let summary: Value = serde_json::from_str(&ended.stdout).unwrap();
    let done = summary["outcomes"]["done"].as_u64().unwrap();
    assert_eq!(contacts(&system, &users) as u64, done);
    let line = ended
        .stderr
        .lines()
        .find_map(|line| line.split_once("to go on: fanout "));
    let line = line.unwrap().1;
    let cursor = summary["cursor"].as_str().unwrap();
    let goes_on = format!(" --cursor {cursor} --rate 2");
    assert!(line.contains(&goes_on), "{line}");
    let arguments = line.split(' ').map(|word| word.trim_matches('\''));
    let arguments: Vec<&str> = arguments.collect();
    let rest = system.json(&arguments);
    assert_eq!(
        rest["outcomes"],
        json!({"done": USERS as u64 - done}),
        "{ended:?}"
    );
    assert_eq!(contacts(&system, &users), USERS);
}

#[test]
fn a_consumer_that_fails_is_exit_code_one_and_wrong_use_two() {
    let system = Operated::embedded();
    let user = sign_up(&system, "first");
    system.wait_for_effects(&user, (1, 1, 200));
    // Another program answers in the consumer's place.
    let path = "/v1/projects/fanout-local/subscriptions/user-events-crm";
    assert_eq!(
        system.running.call("DELETE", "pubsub", path, &json!({})),
        200
    );
    let elsewhere = json!({
        "topic": "projects/fanout-local/topics/user-events",
        "pushConfig": {"pushEndpoint": system.running.url("user", "/health")},
    });
    assert_eq!(system.running.call("PUT", "pubsub", path, &elsewhere), 200);
    let failing = replay(&system, &[]);
    assert_eq!(failing.code, Some(1), "{failing:?}");
    assert!(failing.stdout.contains("failed          1"), "{failing:?}");
    let wrong: [&[&str]; 3] = [
        &["--rate", "0"],
        &["--cursor", "yesterday"],
        &["--type", ""],
    ];
    for arguments in wrong {
        assert_eq!(replay(&system, arguments).code, Some(2), "{arguments:?}");
    }
    let mut nobody = system.command(&REPLAY);
    nobody.env("FANOUT_PUBSUB_URL", "http://127.0.0.1:1");
    let nobody = Ended::of(nobody);
    assert!(nobody.stderr.contains("start `fanout up`"), "{nobody:?}");
}
