//! What the environment says, and what it must not say.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Output;

use serde_json::Value;

use crate::binary;

/// What the one line of JSON says that a container writes which does not start.
fn fault(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    error_line(output, "cannot start")
}

fn error_line(output: &Output, message: &str) -> String {
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = lines.lines().last().unwrap_or_default();
    let line: Value = serde_json::from_str(last).expect("a line of JSON");
    assert_eq!(line["severity"], "ERROR");
    assert_eq!(line["message"], message);
    line["error"].as_str().unwrap().to_owned()
}

#[test]
fn a_port_that_is_taken_is_one_line_too_and_so_is_a_firestore_that_is_not_there() {
    let listens = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let [taken, nowhere] = [&listens, &closed].map(|it| it.local_addr().unwrap());
    let nowhere = nowhere.to_string();
    drop(closed);
    let start = |port: &str, firestore: &str| {
        let mut command = binary("user-service");
        command.env("GOOGLE_CLOUD_PROJECT", "test");
        command.env("PORT", port);
        command.env("PUBSUB_EMULATOR_HOST", &nowhere);
        let output = command.env("FIRESTORE_EMULATOR_HOST", firestore).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1));
        error_line(&output, "cannot serve")
    };
    let error = start(&taken.port().to_string(), &nowhere);
    assert!(error.contains("is already in use"), "{error}");
    // Port 0 is any that is free.
    let error = start("0", &nowhere);
    assert!(error.contains("cannot connect to Firestore"), "{error}");
}

#[test]
fn everything_missing_from_the_environment_is_in_one_message() {
    let output = binary("user-service")
        .env("PORT", "not a port")
        .output()
        .unwrap();
    let message = fault(&output);
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
    let output = binary("user-service").envs(nonsense).output().unwrap();
    let message = fault(&output);
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
    let output = binary("user-service")
        .env("GOOGLE_CLOUD_PROJECT", "test")
        .env("PUBSUB_EMULATOR_HOST", "localhost:1")
        .output()
        .unwrap();
    let message = fault(&output);
    let sentence = "PUBSUB_EMULATOR_HOST is set and FIRESTORE_EMULATOR_HOST is not";
    assert!(message.contains(sentence), "{message}");
}

#[test]
fn where_logs_are_text_a_fault_is_text_too() {
    let output = binary("user-service")
        .env("LOG_FORMAT", "text")
        .output()
        .unwrap();
    assert!(output.stdout.is_empty());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("\n  - GOOGLE_CLOUD_PROJECT is not set"),
        "{message}"
    );
}

#[test]
fn each_role_says_all_that_it_misses() {
    let kernel = ["PORT", "GOOGLE_CLOUD_PROJECT"];
    let pushed_to = [&kernel[..], &["PUSH_AUTH"]].concat();
    let mails = [&pushed_to[..], &["SMTP_URL", "MAIL_FROM"]].concat();
    let counts = [&pushed_to[..], &["SIGNUP_SHARDS"]].concat();
    let pays = [&pushed_to[..], &["PAYMENT_PROVIDER"]].concat();
    for (role, missing) in [
        ("user-service", &kernel[..]),
        ("ticker", &kernel),
        ("crm-service", &pushed_to),
        ("email-service", &mails),
        ("analytics-service", &counts),
        ("order-service", &pushed_to),
        ("inventory-service", &pushed_to),
        ("payment-service", &pays),
        ("shipping-service", &pushed_to),
        ("search-service", &pushed_to),
    ] {
        let nonsense = [("PORT", "not a port"), ("SIGNUP_SHARDS", "0")];
        let message = fault(&binary(role).envs(nonsense).output().unwrap());
        let faults = message.lines().filter_map(|line| line.strip_prefix("  - "));
        let named: Vec<&str> = faults
            .filter_map(|it| it.split_once(" is "))
            .map(|(name, _)| name)
            .collect();
        let (named, missing): (BTreeSet<_>, BTreeSet<_>) = (
            named.into_iter().collect(),
            missing.iter().copied().collect(),
        );
        assert_eq!(named, missing, "{role}: {message}");
    }
}

#[test]
fn a_role_that_is_none_or_not_said_is_wrong_use_that_names_all_roles() {
    let roles = "Roles: user-service, email-service, analytics-service, crm-service, order-service, inventory-service, payment-service, shipping-service, search-service, account-service, post-service, feed-service, ticker";
    let output = binary("mail-service").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("service: there is no role `mail-service`\n"),
        "{said}"
    );
    assert!(said.contains(roles), "{said}");
    let help = binary("--help").output().unwrap();
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains(roles));
}
