//! `fanout publish`

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::operated::{Ended, Operated, on_every_engine, operator_command};
use crate::running::wait_until;

const DATA: &str = r#"{"user_id":"usr_1","email":"test@example.com","name":"Test User"}"#;

on_every_engine! {
    fn an_event_by_hand_reaches_everybody_once_however_often_it_is_published(system) {
        let publish = ["publish", "user.created", "--event-id", "evt_1", "--correlation-id", "req_1", "--data", DATA];
        let ended = system.run(&publish);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let text = without_message_id(&ended.stdout);
        insta::assert_snapshot!("published", text);

        let again = system.json(&publish);
        insta::assert_json_snapshot!("published_json", again, {".message_id" => "[id]"});
        system.wait_for_effects("usr_1", (1, 1, 200));
        // Somebody else's event goes the same way behind the repeat; when it has arrived, so has that.
        system.publish("evt_2", "usr_1", "Test User");
        wait_until("the second event", || system.running.count() == 2 && system.mails_to("usr_1") == 2);
        assert_eq!(system.dead_letters("crm"), 0);
    }

    fn what_people_type_by_hand_goes_as_it_is(system) {
        let short = r#"{"userId":"test-123","email":"manual@test.com","name":"Manual Test","event":"user.created"}"#;
        let published = system.json(&["publish", "--raw", "--data", short]);
        assert!(published["message_id"].is_string());
        assert!(published["event_id"].is_null(), "the time of publishing is part of it");
        wait_until("the contact", || system.running.get("crm", "/contacts/test-123").0 == 200);
    }
}

fn without_message_id(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once("message ") {
        Some((start, _)) => format!("{start}message      [id]"),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn data_comes_from_a_file_or_from_stdin_too() {
    let system = Operated::embedded();
    std::fs::write(system.file("data.json"), DATA).unwrap();
    let from_file = system.json(&["publish", "user.created", "--data", "@data.json"]);
    assert_eq!(from_file["subject"], "usr_1");

    let mut command = system.command(&["publish", "user.created", "--data", "-", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(DATA.as_bytes()).unwrap();
    drop(stdin);
    let ended = Ended::wait(child);
    let from_stdin: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(from_stdin["subject"], "usr_1");
    wait_until("both counts", || system.running.count() == 2);
}

#[test]
fn an_event_that_is_not_valid_never_leaves_and_its_field_is_named() {
    // Nobody listens there: it is refused before anybody is asked.
    let publish = |arguments: &[&str]| {
        let mut command = operator_command(&[&["publish"], arguments].concat());
        command.env("FANOUT_PUBSUB_URL", "http://127.0.0.1:1");
        Ended::of(command)
    };
    let no_email = r#"{"user_id":"usr_1","name":"Secret Name"}"#;
    let ended = publish(&["user.created", "--data", no_email]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    insta::assert_snapshot!(ended.stderr, @"fanout: the event is not valid: data.email is missing; nothing was published");

    let unknown = publish(&["order.placed", "--data", "{}"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown
            .stderr
            .contains("[possible values: user.created, user.updated, user.deleted, order.created,"),
        "{unknown:?}"
    );

    let reserved = publish(&["user.created", "--data", DATA, "--attribute", "ce-type=x"]);
    assert_eq!(reserved.code, Some(2));
    insta::assert_snapshot!(reserved.stderr, @"fanout: the attribute `ce-type` is made from the event; --raw takes any");

    let fine = publish(&["user.created", "--data", DATA]);
    assert_eq!(fine.code, Some(1));
    assert!(fine.stderr.contains("start `fanout up`"), "{fine:?}");
}

#[test]
fn without_a_topic_an_event_goes_where_its_type_goes() {
    let system = Operated::embedded();
    let data = r#"{"order_id":"ord_1","user_id":"usr_1","currency":"USD","total":"1.00","reason":"out_of_stock"}"#;
    let cancelled = [
        "publish",
        "order.cancelled",
        "--subject",
        "ord_1",
        "--data",
        data,
    ];
    assert_eq!(system.json(&cancelled)["topic"], "order-events");
    let elsewhere = [&cancelled[..], &["--topic", "user-events"]].concat();
    assert_eq!(system.json(&elsewhere)["topic"], "user-events");
}

#[test]
fn a_topic_that_is_not_there_is_said() {
    let system = Operated::embedded();
    let ended = system.run(&[
        "publish",
        "user.created",
        "--data",
        DATA,
        "--topic",
        "nowhere",
    ]);
    assert_eq!(ended.code, Some(1));
    insta::assert_snapshot!(ended.stderr, @"fanout: nothing was published to nowhere: there is no topic `nowhere` (status 404)");
}
