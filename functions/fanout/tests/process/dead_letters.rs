//! `fanout dead-letters list`, `show` and `discard`

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::operated::{Operated, on_every_engine, scrubbed};

/// A name that must never be shown to who did not ask for it.
const SECRET: &str = "Secret Name";

/// Each consumer has two dead letters: another payload under a known id, and something unreadable.
fn with_dead_letters(system: &Operated) {
    system.publish("evt_1", "usr_1", "Test User");
    system.wait_for_effects("usr_1", (1, 1, 200));
    system.publish("evt_1", "usr_1", SECRET);
    system.publish_raw(&format!("not JSON: {SECRET}"));
    for consumer in ["email", "analytics", "crm"] {
        system.wait_for_dead_letters(consumer, 2);
    }
}

on_every_engine! {
    fn letters_are_listed_by_reason_shown_and_discarded(system) {
        let none = system.run(&["dead-letters", "list"]);
        assert_eq!((none.code, none.stdout.as_str()), (Some(0), "email: no dead letters\nanalytics: no dead letters\ncrm: no dead letters\n"));
        with_dead_letters(&system);

        let listed = system.run(&["dead-letters", "list"]);
        assert_eq!(listed.code, Some(1), "{listed:?}");
        insta::assert_snapshot!("list", scrubbed(&listed.stdout));
        let as_json = system.json(&["dead-letters", "list", "--consumer", "email"]);
        insta::assert_json_snapshot!("list_json", as_json, {
            ".**.message_id" => "[id]", ".**.parked_at" => "[time]", ".**.oldest" => "[time]",
            ".**.event_id" => insta::dynamic_redaction(|id, _| {
                let id = id.as_str().unwrap();
                if id.starts_with("msg_") { "msg_[id]".to_owned() } else { id.to_owned() }
            }),
        });

        let shown = system.run(&["dead-letters", "show", "evt_1", "--consumer", "email"]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        insta::assert_snapshot!("show", scrubbed(&without_variable_attributes(&shown.stdout)));
        for answer in [&listed.stdout, &as_json.to_string(), &shown.stdout] {
            assert!(!answer.contains(SECRET) && !answer.contains("@example.com"), "{answer}");
        }
        let asked_for = system.json(&["dead-letters", "show", "evt_1", "--show-payload"]);
        assert_eq!(asked_for.as_array().map(Vec::len), Some(3), "{asked_for}");
        assert_eq!(asked_for[0]["payload"]["data"]["name"], SECRET);

        // The unreadable one goes by its message's id, in whichever form.
        let original = asked_for_by_reason(&as_json, "undecodable");
        let by_event = system.json(&["dead-letters", "show", &original, "--consumer", "email"]);
        let by_message = by_event[0]["original_message_id"].as_str().unwrap();
        assert!(original.starts_with(&format!("msg_{by_message}_")), "{original}");
        let by_message = system.json(&["dead-letters", "show", by_message, "--consumer", "email"]);
        assert_eq!(by_message, by_event);
        let nobody = system.run(&["dead-letters", "show", "evt_unknown"]);
        assert_eq!(nobody.code, Some(1));
        insta::assert_snapshot!("show_nobody", nobody.stderr);

        discard_keeps_a_copy(&system);
    }
}

fn discard_keeps_a_copy(system: &Operated) {
    let discard = [
        "dead-letters",
        "discard",
        "--consumer",
        "email",
        "--reason",
        "undecodable",
    ];
    let unasked = system.run(&discard);
    assert_eq!(unasked.code, Some(2));
    insta::assert_snapshot!("discard_unasked", unasked.stderr);
    assert_eq!(system.dead_letters("email"), 2);

    let to_a_file = [&discard[..], &["--yes", "--to", "dropped.jsonl"]].concat();
    let discarded = system.run(&to_a_file);
    assert_eq!(discarded.code, Some(0), "{discarded:?}");
    insta::assert_snapshot!("discard", discarded.stdout);
    let file = system.file("dropped.jsonl");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = std::fs::read_to_string(&file).unwrap();
    let line: Value = serde_json::from_str(written.trim_end()).unwrap();
    insta::assert_json_snapshot!("discarded_line", line, {
        ".message_id" => "[id]", ".publish_time" => "[time]",
        ".attributes[\"dead-letter-original-message-id\"]" => "[id]",
        ".attributes[\"dead-letter-original-publish-time\"]" => "[time]",
    });

    // The other one is still there, other consumers' too, and a file is never overwritten.
    assert_eq!(
        (system.dead_letters("email"), system.dead_letters("crm")),
        (1, 2)
    );
    let overwriting = [
        "dead-letters",
        "discard",
        "--consumer",
        "email",
        "--all",
        "--yes",
        "--to",
        "dropped.jsonl",
    ];
    let refused = system.run(&overwriting);
    assert_eq!(refused.code, Some(2));
    insta::assert_snapshot!("discard_overwriting", refused.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
    assert_eq!(system.dead_letters("email"), 1);

    let rest = system.run(&overwriting[..overwriting.len() - 2]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(
        rest.stdout.contains("kept in dead-letters-email-20"),
        "{rest:?}"
    );
    let nothing = system.run(&to_a_file);
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert_eq!(nothing.stdout, "email: nothing to discard\n");
    assert!(
        nothing
            .stderr
            .contains("no dead letter with the reason undecodable"),
        "{nothing:?}"
    );
}

fn asked_for_by_reason(listed: &Value, reason: &str) -> String {
    let reasons = listed["consumers"][0]["reasons"].as_array().unwrap();
    let found = reasons.iter().find(|of| of["reason"] == reason).unwrap();
    let id = &found["events"][0]["examples"][0]["event_id"];
    id.as_str().unwrap().to_owned()
}

/// Ids and times that are made anew at each publish.
fn without_variable_attributes(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some((name, _))
            if ["ce-time", "correlation_id", "original-message-id"]
                .iter()
                .any(|part| name.ends_with(part)) =>
        {
            format!("{name} = [varies]")
        }
        _ if line.contains("correlation ") => "  correlation   [varies]".to_owned(),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn more_letters_than_the_limit_are_said_to_be_there() {
    let system = Operated::embedded();
    for number in 0..5 {
        system.publish_raw(&format!("nonsense {number}"));
    }
    system.wait_for_dead_letters("crm", 5);
    let listed = system.json(&["dead-letters", "list", "--consumer", "crm", "--limit", "3"]);
    assert_eq!(listed["consumers"][0]["count"], 3);
    assert_eq!(listed["consumers"][0]["more"], true);
    let listed = system.run(&["dead-letters", "list", "--consumer", "crm", "--limit", "3"]);
    assert!(
        listed.stdout.contains("--limit says how many"),
        "{listed:?}"
    );
    let all = system.json(&["dead-letters", "list", "--consumer", "crm", "--limit", "5"]);
    assert_eq!(all["consumers"][0]["more"], false);
}

#[test]
fn wrong_use_says_what_there_is() {
    let system = Operated::embedded();
    let nobody = system.run(&["dead-letters", "list", "--consumer", "sales"]);
    assert_eq!(nobody.code, Some(2));
    assert!(
        nobody
            .stderr
            .contains("[possible values: email, analytics, crm, "),
        "{nobody:?}"
    );
    let which = system.run(&["dead-letters", "redrive", "--consumer", "crm"]);
    assert_eq!(which.code, Some(2));
    assert!(
        which.stderr.contains("<--id <ID>|--reason <REASON>|--all>"),
        "{which:?}"
    );
    for subcommand in ["list", "show", "redrive", "discard"] {
        let help = system.run(&["dead-letters", subcommand, "--help"]);
        assert_eq!(help.code, Some(0));
        assert!(
            help.stdout
                .contains(&format!("fanout dead-letters {subcommand} ")),
            "{help:?}"
        );
        assert!(help.stdout.contains("Exit code:"), "{help:?}");
    }
}
