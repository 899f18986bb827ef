//! Numbers of delivery that contradict each other: a container does not start, and says which two.

use std::collections::HashMap;
use std::time::Duration;

use fanout_dedup::PROCESSED_EVENTS;
use fanout_google_cloud::RoleSettings;
use fanout_runtime::{Settings, Timings};
use fanout_store::{Documents as _, Fields, Key, Write};

use crate::support::emulators;

/// The numbers of a container that is told this, or what it says instead of starting.
fn start_with(numbers: &[(&str, &str)]) -> Result<Timings, Vec<String>> {
    let complete = [("GOOGLE_CLOUD_PROJECT", "test"), ("PUSH_AUTH", "iam")];
    let variables = complete.iter().chain(numbers);
    let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
    let environment: HashMap<String, String> = variables.map(owned).collect();
    let mut settings = Settings::new(&environment);
    let read = RoleSettings::read(&crm_service::SERVICE, &mut settings);
    match settings.finish(read) {
        Ok(complete) => Ok(complete.timings()),
        Err(error) => Err(error.faults),
    }
}

#[test]
fn what_nobody_sets_is_what_is_deployed() {
    assert_eq!(start_with(&[]), Ok(Timings::PRODUCTION));
}

#[test]
fn every_number_of_a_container_can_be_set() {
    let timings = start_with(&[
        ("ACK_DEADLINE_SECONDS", "20"),
        ("HANDLER_BUDGET_SECONDS", "15"),
        ("LEASE_SECONDS", "30"),
        ("DRAIN_SECONDS", "5"),
    ]);
    let expected = Timings {
        ack_deadline: Duration::from_secs(20),
        handler_budget: Duration::from_secs(15),
        lease: Duration::from_secs(30),
        drain: Duration::from_secs(5),
        ..Timings::PRODUCTION
    };
    assert_eq!(timings, Ok(expected));
}

#[test]
fn two_numbers_that_disagree_are_both_named() {
    let bad = [
        (
            [("HANDLER_BUDGET_SECONDS", "60"), ("LEASE_SECONDS", "60")],
            "HANDLER_BUDGET_SECONDS (60 s) must be less than ACK_DEADLINE_SECONDS (60 s): otherwise Pub/Sub gives up on a handler that is still working and delivers again.",
        ),
        (
            [("ACK_DEADLINE_SECONDS", "600"), ("LEASE_SECONDS", "599")],
            "ACK_DEADLINE_SECONDS (600 s) must be at most LEASE_SECONDS (599 s): otherwise a second delivery takes the claim from a handler that is still working.",
        ),
        (
            [("LEASE_SECONDS", "60"), ("DRAIN_SECONDS", "10")],
            "DRAIN_SECONDS (10 s) must be less than Cloud Run's grace period (10 s): otherwise requests under way are killed instead of finished.",
        ),
    ];
    for (numbers, sentence) in bad {
        assert_eq!(start_with(&numbers), Err(vec![sentence.to_owned()]));
    }
}

#[test]
fn what_is_no_number_of_seconds_is_a_fault_of_its_own() {
    for value in ["0", "-1", "1.5", "a minute", "99999999999"] {
        let faults = start_with(&[("LEASE_SECONDS", value)]).unwrap_err();
        let sentence = "LEASE_SECONDS is set to something else than a whole number of seconds from 1 (its value is not shown).";
        assert_eq!(faults, [sentence], "{value}");
    }
}

#[tokio::test]
#[cfg_attr(
    not(emulators),
    ignore = "needs Google's emulators: gcloud components install cloud-firestore-emulator"
)]
async fn a_database_that_an_earlier_version_has_used_is_refused_in_one_sentence() {
    let settings = emulators().await;
    let documents = settings.documents().await.unwrap();
    let mark = |key: &str, state| {
        let fields = Fields::new().with("event_id", "evt_1").with("state", state);
        Write::set(Key::new(PROCESSED_EVENTS, key), fields)
    };
    // Of this version: one is done, the other is not.
    let now = vec![mark("crm:1", None), mark("crm:2", Some("processing"))];
    documents.commit(now).await.unwrap();
    assert!(settings.clone().connect().await.is_ok());
    let before = vec![mark("crm:3", Some("done"))];
    documents.commit(before).await.unwrap();
    let error = settings.connect().await.err().unwrap().to_string();
    assert!(error.starts_with("an earlier version of Fanout has used this database"));
}
