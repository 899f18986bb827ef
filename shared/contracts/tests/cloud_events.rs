//! Events of other producers, in both modes of CloudEvents.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::BTreeMap;

use chrono::{TimeZone, Utc};
use fanout_contracts::user::UserCreated;
use fanout_events::{DecodeError, Event, EventType, Received, decode_message};
use serde_json::{Value, json};

fn received(data: &[u8]) -> Received<'_> {
    Received {
        data,
        message_id: "17",
        publish_time: Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap(),
    }
}

fn attributes<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn data() -> Value {
    json!({"user_id": "usr_1", "email": "ada@example.com", "name": "Ada"})
}

fn binary() -> BTreeMap<String, String> {
    attributes([
        ("ce-specversion", "1.0"),
        ("ce-id", "A234-1234-1234"),
        ("ce-type", "user.created"),
        ("ce-source", "//legacy.example.com/users"),
        ("ce-subject", "usr_1"),
    ])
}

fn structured(change: impl FnOnce(&mut Value)) -> Result<Event, DecodeError> {
    let mut event = json!({
        "specversion": "1.0",
        "id": "A234-1234-1234",
        "type": "user.created",
        "source": "//legacy.example.com/users",
        "subject": "usr_1",
        "data": data(),
    });
    change(&mut event);
    let mode = attributes([(
        "content-type",
        "Application/CloudEvents+JSON; charset=utf-8",
    )]);
    decode_message(&received(event.to_string().as_bytes()), &mode).map(|it| it.event)
}

fn read(attributes: &BTreeMap<String, String>, data: &Value) -> Result<Event, DecodeError> {
    decode_message(&received(data.to_string().as_bytes()), attributes).map(|it| it.event)
}

#[test]
fn both_modes_say_the_same_and_what_they_leave_open_is_filled_in() {
    let event = read(&binary(), &data()).unwrap();
    assert_eq!(event, structured(|_| ()).unwrap());
    assert_eq!((event.id.as_str(), event.sequence), ("A234-1234-1234", 1));
    assert_eq!(event.timestamp, received(b"").publish_time);
    let created = event.read::<UserCreated>().unwrap();
    assert_eq!(created.data.user_id, "usr_1");
    // The newest of major 1, whichever that is.
    assert_eq!(event.metadata.version, "1");
}

#[test]
fn what_they_say_counts() {
    let mut said = binary();
    said.extend(attributes([
        ("ce-time", "2026-11-19T08:00:00+01:00"),
        ("ce-sequence", "4"),
        (
            "ce-dataschema",
            "https://elsewhere.example.com/user-created/v1",
        ),
        ("correlation_id", "req_1"),
    ]));
    let event = read(&said, &data()).unwrap();
    assert_eq!(event.timestamp.to_rfc3339(), "2026-11-19T07:00:00+00:00");
    assert_eq!(
        (event.sequence, event.correlation_id.as_deref()),
        (4, Some("req_1"))
    );
    let same = structured(|event| {
        event["time"] = json!("2026-11-19T08:00:00+01:00");
        event["sequence"] = json!(4);
        event["dataschema"] = json!("https://elsewhere.example.com/user-created/v1");
        event["correlationid"] = json!("req_1");
    });
    assert_eq!(same, Ok(event));
    let later =
        structured(|event| event["dataschema"] = json!("https://x/user-created/v7")).unwrap();
    assert_eq!(
        later.read::<UserCreated>().unwrap_err().to_string(),
        "version 7.0 of user.created is not supported"
    );
}

#[test]
fn data_may_be_base64_and_our_own_event_may_come_back_in_either_mode() {
    let in_base64 = structured(|event| {
        let object = event.as_object_mut().unwrap();
        let text = object.remove("data").unwrap().to_string();
        assert_eq!(
            text,
            r#"{"email":"ada@example.com","name":"Ada","user_id":"usr_1"}"#
        );
        object.insert(
            "data_base64".to_owned(),
            json!(
                "eyJlbWFpbCI6ImFkYUBleGFtcGxlLmNvbSIsIm5hbWUiOiJBZGEiLCJ1c2VyX2lkIjoidXNyXzEifQ=="
            ),
        );
    });
    assert_eq!(in_base64, structured(|_| ()));
    let own: Value =
        serde_json::from_slice(include_bytes!("../user/golden/user.created/1.0/event.json"))
            .unwrap();
    let own_attributes: BTreeMap<String, String> = serde_json::from_slice(include_bytes!(
        "../user/golden/user.created/1.0/event.attributes.json"
    ))
    .unwrap();
    let event = read(&own_attributes, &own).unwrap();
    assert_eq!(event.metadata, UserCreated::metadata());
    assert_eq!(structured(|event| event["data"] = own), Ok(event));
}

#[test]
fn what_is_missing_or_wrong_is_named_and_never_shown() {
    let without = |name: &str| {
        let mut attributes = binary();
        attributes.remove(name);
        read(&attributes, &data()).map(drop)
    };
    for name in ["ce-id", "ce-source", "ce-subject"] {
        let sentence = format!("the event is not valid: {name} is missing");
        assert_eq!(without(name).unwrap_err().to_string(), sentence);
    }
    for (field, value, fault) in [
        ("specversion", json!("0.3"), "specversion must be 1.0"),
        (
            "id",
            json!("ada@example.com"),
            "id must have 1 to 128 characters, each a letter, a digit or one of `_-.:/`",
        ),
        (
            "subject",
            json!(null),
            "subject must be a string that is not empty",
        ),
        ("time", json!("noon"), "time must be an RFC 3339 time"),
        (
            "sequence",
            json!("0"),
            "sequence must be a whole number from 1, below 2^53",
        ),
        (
            "sequence",
            json!(1.5),
            "sequence must be a whole number from 1, below 2^53",
        ),
        (
            "dataschema",
            json!("https://x/user-created"),
            "dataschema must end with `/v` and the major version",
        ),
        ("data", json!([1]), "data must be an object"),
    ] {
        let error = structured(|event| event[field] = value).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the event is not valid: {fault}")
        );
    }
    let error = structured(|event| event["data"]["email"] = json!(["ada@example.com"])).unwrap();
    assert_eq!(
        error.read::<UserCreated>().unwrap_err().to_string(),
        "the event is not valid: data.email must be a string that is not empty"
    );
    let error =
        structured(|event| drop(event.as_object_mut().unwrap().remove("data"))).unwrap_err();
    assert_eq!(error.to_string(), "the event is not valid: data is missing");
}
