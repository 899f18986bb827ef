//! From message data to an event of a type, for every version that was ever published.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use chrono::{TimeZone, Utc};
use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_contracts::{account, inventory, mail, operator, order, payment, post, shipping};
use fanout_events::{DecodeError, EmailAddress, EventType, PersonName, Received, decode};
use serde_json::{Value, json};

const MUST_BE: &str = "must have 1 to 128 characters, each a letter, a digit or one of `_-.:/`";

fn received(data: &[u8]) -> Received<'_> {
    Received {
        data,
        message_id: "17",
        publish_time: Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap(),
    }
}

fn envelope() -> Value {
    serde_json::from_slice(include_bytes!("../user/golden/user.created/1.0/event.json")).unwrap()
}

/// What is wrong with an event, as the consumers of its type meet it.
fn error_of(value: &Value) -> DecodeError {
    let data = value.to_string();
    let event = match decode(&received(data.as_bytes())) {
        Ok(decoded) => decoded.event,
        Err(error) => return error,
    };
    let known = fanout_contracts::find(&event.event_type).unwrap();
    (known.check)(&event).unwrap_err()
}

#[test]
fn every_golden_file_still_decodes() {
    let golden = [
        (
            "0",
            include_str!("../user/golden/user.created/0/short-form.json"),
        ),
        (
            "1.0",
            include_str!("../user/golden/user.created/1.0/event.json"),
        ),
        (
            "1.1",
            include_str!("../user/golden/user.created/1.1/later-minor.json"),
        ),
    ];
    for (version, text) in golden {
        let event = decode(&received(text.as_bytes())).unwrap().event;
        assert_eq!(event.metadata.version, version);
        let expected = UserCreated {
            user_id: event.subject.clone(),
            email: EmailAddress::parse("test@example.com").unwrap(),
            name: PersonName::parse("Test User").unwrap(),
        };
        assert_eq!(event.read::<UserCreated>().unwrap().data, expected);
    }
}

fn assert_written_as_read<T: EventType>(text: &str) {
    let event = decode(&received(text.as_bytes())).unwrap().event;
    let event = event.read::<T>().unwrap();
    assert_eq!(event.event_type, T::TYPE);
    assert_eq!(event.metadata, T::metadata());
    let written: Value = serde_json::from_str(&event.to_json().unwrap()).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
}

fn assert_newest_written_as_read<T: EventType>() {
    let folder = format!("{}/golden/{}", T::DOMAIN.name, T::TYPE);
    let golden = format!("{folder}/{}/event.json", T::VERSION);
    assert_written_as_read::<T>(&std::fs::read_to_string(golden).unwrap());
}

#[test]
fn an_event_of_the_newest_version_is_written_as_it_was_read() {
    assert_newest_written_as_read::<UserCreated>();
    assert_newest_written_as_read::<UserUpdated>();
    assert_newest_written_as_read::<UserDeleted>();
    assert_newest_written_as_read::<order::OrderCreated>();
    assert_newest_written_as_read::<order::OrderConfirmed>();
    assert_newest_written_as_read::<order::OrderCancelled>();
    assert_newest_written_as_read::<inventory::ReservationRequested>();
    assert_newest_written_as_read::<inventory::Reserved>();
    assert_newest_written_as_read::<inventory::ReservationRefused>();
    assert_newest_written_as_read::<inventory::ReleaseRequested>();
    assert_newest_written_as_read::<inventory::Released>();
    assert_newest_written_as_read::<payment::ChargeRequested>();
    assert_newest_written_as_read::<payment::Captured>();
    assert_newest_written_as_read::<payment::Declined>();
    assert_newest_written_as_read::<payment::RefundRequested>();
    assert_newest_written_as_read::<payment::Refunded>();
    assert_newest_written_as_read::<shipping::ShipmentRequested>();
    assert_newest_written_as_read::<shipping::ShipmentCreated>();
    assert_newest_written_as_read::<shipping::ShipmentRefused>();
    assert_newest_written_as_read::<mail::ConfirmationRequested>();
    assert_newest_written_as_read::<mail::MailSent>();
    assert_newest_written_as_read::<operator::OperatorIntervened>();
    assert_newest_written_as_read::<account::AccountOpened>();
    assert_newest_written_as_read::<account::Deposited>();
    assert_newest_written_as_read::<account::Withdrawn>();
    assert_newest_written_as_read::<account::TransferSent>();
    assert_newest_written_as_read::<account::TransferReceived>();
    assert_newest_written_as_read::<account::MovementReversed>();
    assert_newest_written_as_read::<account::AccountClosed>();
    assert_newest_written_as_read::<post::PostCreated>();
    assert_newest_written_as_read::<post::PostDeleted>();
    assert_newest_written_as_read::<post::SpreadRequested>();
    assert_newest_written_as_read::<post::AuthorFollowed>();
    assert_newest_written_as_read::<post::AuthorUnfollowed>();
}

#[test]
fn every_type_of_a_domain_has_its_prefix_and_a_golden_file_of_its_newest_version() {
    for domain in fanout_contracts::DOMAINS {
        assert_eq!(domain.topic, format!("{}-events", domain.name));
        for known in domain.types {
            // A shipment is what shipping is about.
            let names = match domain.name {
                "shipping" => &["shipping", "shipment"][..],
                name => &[name],
            };
            let prefix = known.name.split('.').next().unwrap();
            assert!(names.contains(&prefix), "{}", known.name);
            let golden = format!(
                "{}/golden/{}/{}/event.json",
                domain.name, known.name, known.version
            );
            let text = std::fs::read(&golden).unwrap();
            let event = decode(&received(&text)).unwrap().event;
            assert_eq!((known.check)(&event), Ok(()), "{golden}");
        }
    }
}

#[test]
fn the_short_form_takes_id_and_time_from_its_message() {
    let data = include_bytes!("../user/golden/user.created/0/short-form.json");
    let event = decode(&received(data)).unwrap().event;
    assert_eq!(event.id, "msg_17_1795176000000");
    assert_eq!(event.subject, "test-123");
    assert_eq!(event.sequence, 1);
    assert_eq!(event.timestamp, received(data).publish_time);
}

#[test]
fn an_event_of_a_type_that_this_build_does_not_know_is_decoded_all_the_same() {
    let mut value = envelope();
    value["type"] = json!("order.placed");
    value["metadata"]["version"] = json!("99.0");
    let decoded = decode(&received(value.to_string().as_bytes())).unwrap();
    assert_eq!(decoded.event.event_type, "order.placed");
    assert!(fanout_contracts::find("order.placed").is_none());
}

/// Two fields with one meaning: with two answers an event would welcome one user as another.
#[test]
fn an_event_whose_data_names_another_subject_is_refused() {
    let other = json!("usr_somebody_else");
    let mut of_data = envelope();
    of_data["data"]["user_id"] = other.clone();
    let mut of_subject = envelope();
    of_subject["subject"] = other;
    for value in [of_data, of_subject] {
        let sentence = "the event is not valid: data.user_id must be the event's subject";
        assert_eq!(error_of(&value).to_string(), sentence);
    }
}

#[test]
fn a_sequence_that_not_every_reader_keeps_is_refused_and_one_point_zero_is_one() {
    let mut value = envelope();
    for good in [json!(1.0), json!(9_007_199_254_740_991_u64)] {
        value["sequence"] = good;
        assert!(decode(&received(value.to_string().as_bytes())).is_ok());
    }
    for bad in [
        json!(9_007_199_254_740_992_u64),
        json!(i64::MAX),
        json!(1.5),
        json!(-1),
        json!(1e300),
    ] {
        value["sequence"] = bad;
        let sentence = "the event is not valid: sequence must be a whole number from 1, below 2^53";
        assert_eq!(error_of(&value).to_string(), sentence);
    }
}

#[test]
fn a_time_that_no_store_keeps_is_refused() {
    let mut value = envelope();
    for bad in [
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:30:00+01:00",
        "0000-06-01T00:00:00Z",
    ] {
        value["timestamp"] = json!(bad);
        let sentence =
            "the event is not valid: timestamp must lie in the years 0001 to 9999, in UTC";
        assert_eq!(error_of(&value).to_string(), sentence, "{bad}");
    }
}

#[test]
fn a_fault_names_the_field_and_never_its_value() {
    let mut wrong_type = envelope();
    wrong_type["data"]["email"] = json!(["ada@example.com"]);
    let mut wrong_value = envelope();
    wrong_value["data"]["email"] = json!("ada lovelace@example.com");
    let mut no_sequence = envelope();
    no_sequence["sequence"] = json!(0);
    let mut no_id = envelope();
    no_id["id"] = json!("");
    let faults = [
        (
            decode(&received(b"")).unwrap_err(),
            "the message has no data",
        ),
        (
            decode(&received(b"{\"email\": ada@example.com}")).unwrap_err(),
            "the data is not JSON: line 1, column 11",
        ),
        (
            error_of(&json!([1])),
            "the data is no event: it is not a JSON object",
        ),
        (
            error_of(&json!({"hello": "ada@example.com"})),
            "the data is no event: it has neither `type` (an envelope) nor `event` (the short form)",
        ),
        (
            error_of(&wrong_type),
            "the event is not valid: data.email must be a string that is not empty",
        ),
        (
            error_of(&wrong_value),
            "the event is not valid: data.email must be an e-mail address such as name@example.com, at most 254 characters",
        ),
        (
            error_of(&no_sequence),
            "the event is not valid: sequence must be a whole number from 1, below 2^53",
        ),
        (
            error_of(&no_id),
            "the event is not valid: id must be a string that is not empty",
        ),
    ];
    for (fault, sentence) in faults {
        assert_eq!(fault.to_string(), sentence);
    }
}

#[test]
fn a_byte_order_mark_and_what_no_field_holds_do_not_keep_an_event_from_being_read() {
    for golden in [
        include_str!("../user/golden/user.created/0/short-form.json"),
        include_str!("../user/golden/user.created/1.0/event.json"),
    ] {
        for unread in ["1e400", "-1E999", "[\"\\ud800\"]"] {
            let with = golden.replacen('{', &format!("\u{feff} {{\"unread\": {unread},"), 1);
            let event = decode(&received(with.as_bytes())).unwrap().event;
            assert!(event.read::<UserCreated>().is_ok(), "{unread}");
        }
        // Where it is read it is wrong, and named.
        let email = "\"test@example.com\"";
        assert!(golden.contains(email));
        for wrong in ["1e400", "\"\\ud800@example.com\""] {
            let event = decode(&received(golden.replace(email, wrong).as_bytes()))
                .unwrap()
                .event;
            let error = event.read::<UserCreated>().unwrap_err().to_string();
            assert!(
                error.ends_with("email must be a string that is not empty"),
                "{error}"
            );
        }
    }
    let mut value = envelope();
    value["sequence"] = json!("SEQUENCE");
    let beyond = value.to_string().replace("\"SEQUENCE\"", "1e400");
    let error = decode(&received(beyond.as_bytes())).unwrap_err();
    let sentence = "the event is not valid: sequence must be a whole number from 1, below 2^53";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn an_event_that_is_too_deep_says_how_deep() {
    let mut value = envelope();
    value["data"]["deep"] = json!("DEEP");
    let with = |depth: usize| {
        let deep = format!("{}{}", "[".repeat(depth - 2), "]".repeat(depth - 2));
        let text = value.to_string().replace("\"DEEP\"", &deep);
        decode(&received(text.as_bytes())).map(drop)
    };
    assert_eq!(with(64), Ok(()));
    for depth in [65, 5_000] {
        let sentence =
            format!("the event is not valid: its JSON is {depth} levels deep, and 64 are the most");
        assert_eq!(with(depth).unwrap_err().to_string(), sentence);
    }
}

#[test]
fn a_later_major_is_not_guessed_at() {
    let cases = [
        ("2.0", "version 2.0 of user.created is not supported"),
        ("0.9", "version 0.9 of user.created is not supported"),
        (
            "one",
            "the event is not valid: metadata.version must be MAJOR.MINOR, such as 1.0",
        ),
        (
            "1.x",
            "the event is not valid: metadata.version must be MAJOR.MINOR, such as 1.0",
        ),
    ];
    for (version, sentence) in cases {
        let mut value = envelope();
        value["metadata"]["version"] = json!(version);
        assert_eq!(error_of(&value).to_string(), sentence);
    }
}

#[test]
fn what_cannot_name_anything_is_refused_by_its_field() {
    let secret = "ada@example.com";
    let named = [
        "/id",
        "/type",
        "/source",
        "/subject",
        "/metadata/version",
        "/data/user_id",
    ];
    for pointer in named {
        let mut value = envelope();
        *value.pointer_mut(pointer).unwrap() = json!(secret);
        let field = pointer[1..].replace('/', ".");
        let sentence = format!("the event is not valid: {field} {MUST_BE}");
        assert_eq!(error_of(&value).to_string(), sentence);
    }
    for field in ["userId", "event"] {
        let mut value =
            json!({"userId": "test-123", "email": secret, "name": "Ada", "event": "user.created"});
        value[field] = json!(secret);
        let sentence = format!("the event is not valid: {field} {MUST_BE}");
        assert_eq!(error_of(&value).to_string(), sentence);
    }
}

#[test]
fn a_link_that_cannot_be_used_is_left_out_and_the_event_is_taken() {
    let mut value = envelope();
    value["correlation_id"] = json!("ada@example.com");
    value["causation_id"] = json!("Ada Lovelace");
    let decoded = decode(&received(value.to_string().as_bytes())).unwrap();
    assert_eq!(decoded.event.correlation_id, None);
    assert_eq!(decoded.event.causation_id, None);
}

#[test]
fn a_copy_has_the_same_fingerprint_and_a_changed_event_another() {
    let fingerprint = |value: &Value| {
        decode(&received(value.to_string().as_bytes()))
            .unwrap()
            .fingerprint
    };
    let pretty = serde_json::to_vec_pretty(&envelope()).unwrap();
    let copy = decode(&received(&pretty)).unwrap().fingerprint;
    assert_eq!(copy, fingerprint(&envelope()));
    let mut changed = envelope();
    changed["data"]["name"] = json!("Another Name");
    assert_ne!(copy, fingerprint(&changed));
}
