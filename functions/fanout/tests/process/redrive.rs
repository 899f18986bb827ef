//! `fanout dead-letters redrive`

use std::process::Command;

use crate::operated::{Ended, Operated, on_every_engine, scrubbed};
use crate::running::wait_until;

const REDRIVE: [&str; 4] = ["dead-letters", "redrive", "--consumer", "email"];

fn redrive(system: &Operated, arguments: &[&str]) -> Ended {
    system.run(&[&REDRIVE[..], arguments].concat())
}

/// Redrives until all is dealt with. Where a failed delivery has left its claim behind, the consumer
/// is busy until the lease ends.
fn redrive_to_the_end(system: &Operated, arguments: &[&str]) -> Ended {
    let last = std::cell::RefCell::new(None);
    wait_until("an end of the redrive", || {
        let ended = redrive(system, arguments);
        let left = ended.code != Some(0);
        assert!(!left || ended.stdout.contains("  busy  "), "{ended:?}");
        last.replace(Some(ended));
        !left
    });
    last.into_inner().unwrap()
}

/// This many mails have failed until they became dead letters, and would work now. The first is of
/// an event without an id of its own.
fn with_failed_mails(system: &Operated, count: usize) {
    system.let_mails_give_up_soon();
    system.break_mail();
    system.publish_raw(
        r#"{"userId":"usr_0","email":"usr_0@example.com","name":"By Hand","event":"user.created"}"#,
    );
    for number in 1..count {
        system.publish(
            &format!("evt_{number}"),
            &format!("usr_{number}"),
            "Test User",
        );
    }
    system.wait_for_dead_letters("email", count as u64);
    wait_until("the other consumers", || system.running.count() == count);
    system.repair_mail();
}

on_every_engine! {
    fn what_failed_is_done_once_when_it_can_be_and_nobody_else_gets_it(system) {
        with_failed_mails(&system, 2);
        let planned = redrive(&system, &["--all", "--dry-run"]);
        assert_eq!(planned.code, Some(0), "{planned:?}");
        let endpoint = system.running.url("email", "/pubsub/push");
        insta::assert_snapshot!("redrive_dry_run", planned.stdout.replace(&endpoint, "[endpoint]"));
        assert_eq!((system.mails_to("usr_0"), system.mails_to("usr_1")), (0, 0));
        assert_eq!(system.dead_letters("email"), 2);

        redrive_to_the_end(&system, &["--id", "evt_1"]);
        assert_eq!((system.mails_to("usr_0"), system.mails_to("usr_1")), (0, 1));
        let rest = redrive(&system, &["--reason", "attempts_exhausted", "--rate", "100"]);
        assert_eq!(rest.code, Some(0), "{rest:?}");
        insta::assert_snapshot!("redrive_done", rest.stdout);
        assert_eq!((system.mails_to("usr_0"), system.mails_to("usr_1")), (1, 1));

        let again = redrive(&system, &["--all"]);
        assert_eq!((again.code, again.stdout.as_str()), (Some(0), "email: 0 dead letters to redrive\n"));
        let gone = redrive(&system, &["--id", "evt_1"]);
        assert_eq!(gone.code, Some(1));
        assert!(gone.stderr.contains("no dead letter with the id evt_1"), "{gone:?}");
        assert_eq!((system.mails_to("usr_0"), system.mails_to("usr_1")), (1, 1));
        assert_eq!(system.running.count(), 2, "nobody else has got anything");
        for consumer in ["analytics", "crm"] {
            assert_eq!(system.dead_letters(consumer), 0);
        }
    }

    fn what_is_parked_again_stays_one_letter_under_the_same_id(system) {
        system.publish_raw("not JSON");
        for consumer in ["email", "crm"] {
            system.wait_for_dead_letters(consumer, 1);
        }
        let listed = |consumer| {
            let listed = system.json(&["dead-letters", "list", "--consumer", consumer]);
            let letter = listed["consumers"][0]["reasons"][0]["events"][0]["examples"][0].clone();
            (letter["event_id"].clone(), letter["message_id"].clone())
        };
        let (event, copy) = listed("email");
        let other = listed("crm");
        let redriven = redrive(&system, &["--all"]);
        assert_eq!(redriven.code, Some(1), "{redriven:?}");
        insta::assert_snapshot!("redrive_parked_again", scrubbed(&redriven.stdout));
        system.wait_for_dead_letters("email", 1);
        let (event_again, copy_again) = listed("email");
        assert_eq!(event_again, event);
        assert_ne!(copy_again, copy);
        assert_eq!(listed("crm"), other);
        let shown = system.json(&["dead-letters", "show", event.as_str().unwrap(), "--consumer", "email"]);
        let original = shown[0]["original_message_id"].as_str().unwrap();
        let id = format!("msg_{original}_");
        assert!(event.as_str().unwrap().starts_with(&id), "{event}");
    }
}

#[test]
fn a_redrive_that_is_killed_is_repeated_and_loses_and_doubles_nothing() {
    const LETTERS: usize = 8;
    let system = Operated::embedded();
    with_failed_mails(&system, LETTERS);
    let sent = || {
        (0..LETTERS)
            .map(|user| system.mails_to(&format!("usr_{user}")))
            .sum::<usize>()
    };
    let mut killed = system.spawn(&[&REDRIVE[..], &["--all", "--rate", "4"]].concat());
    wait_until("a mail", || sent() >= 2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let at_the_kill = sent();
    assert!(at_the_kill < LETTERS, "killed too late");

    // What it held comes back when its leases end; a push that was under way may still be at work.
    wait_until("the rest", || {
        let redriven = redrive(&system, &["--all", "--rate", "100"]);
        redriven.code == Some(0) && sent() == LETTERS
    });
    for user in 0..LETTERS {
        assert_eq!(system.mails_to(&format!("usr_{user}")), 1);
    }
    assert_eq!(system.running.count(), LETTERS);
}

#[test]
fn at_ctrl_c_what_is_held_is_given_back_at_once() {
    const LETTERS: usize = 8;
    let system = Operated::embedded();
    with_failed_mails(&system, LETTERS);
    let sent = || {
        (0..LETTERS)
            .map(|user| system.mails_to(&format!("usr_{user}")))
            .sum::<usize>()
    };
    let stopped = system.spawn(&[&REDRIVE[..], &["--all", "--rate", "4", "--json"]].concat());
    wait_until("a mail", || sent() >= 2);
    let pid = stopped.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let ended = Ended::wait(stopped);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("interrupted: what was held has been given back"),
        "{ended:?}"
    );
    let summary: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let outcomes = &summary["outcomes"];
    let (done, not_pushed) = (
        outcomes["done"].as_u64().unwrap(),
        outcomes["not_pushed"].as_u64().unwrap(),
    );
    assert_eq!(done + not_pushed, LETTERS as u64, "{summary}");
    assert_eq!(sent() as u64, done);
    assert_eq!(system.dead_letters("email"), not_pushed);
}

#[test]
fn a_consumer_that_is_down_keeps_its_letters() {
    let system = Operated::embedded();
    with_failed_mails(&system, 2);
    system.break_mail();
    let failing = redrive(&system, &["--all"]);
    assert_eq!(failing.code, Some(1), "{failing:?}");
    assert!(failing.stdout.contains("failed          2"), "{failing:?}");
    assert!(failing.stdout.contains("evt_1: status 503"), "{failing:?}");
    assert_eq!(system.dead_letters("email"), 2);
}
