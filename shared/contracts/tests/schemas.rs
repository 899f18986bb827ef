//! What schemas and golden files say is what the code does.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "these are tests: a panic is their verdict, and their length is the caller's"
)]

use std::fs;
use std::time::{Duration, Instant};

use fanout_contracts::{DOMAINS, RELEASED, find, released};
use fanout_events::{Data, DecodeError, Event, KnownType, PersonName, Received, decode};
use fanout_schemas::{faults, without_notes};
use fanout_testkit::Instances;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A parked message is parked within this, however odd it is.
const SOON: Duration = Duration::from_millis(10);

fn received(data: &[u8]) -> Received<'_> {
    Received {
        data,
        message_id: "17",
        publish_time: chrono::DateTime::UNIX_EPOCH,
    }
}

fn validator(schema: &Value) -> Validator {
    let person_name = |text: &str| PersonName::parse(text).is_ok();
    let options = jsonschema::options().with_format("person-name", person_name);
    options.should_validate_formats(true).build(schema).unwrap()
}

/// The golden messages of all versions ever published: path and data.
fn golden() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for domain in DOMAINS {
        let root = format!("{}/golden", domain.name);
        for event_type in fs::read_dir(root).unwrap() {
            for version in fs::read_dir(event_type.unwrap().path()).unwrap() {
                for file in fs::read_dir(version.unwrap().path()).unwrap() {
                    let path = file.unwrap().path().display().to_string();
                    if !path.ends_with(".attributes.json") {
                        found.push((path.clone(), fs::read(path).unwrap()));
                    }
                }
            }
        }
    }
    found.sort();
    found
}

fn event_with(known: &KnownType, version: &str, data: Map<String, Value>) -> Event {
    let golden = include_bytes!("../user/golden/user.created/1.0/event.json");
    let mut event = decode(&received(golden)).unwrap().event;
    event.event_type = known.name.to_owned();
    event.metadata.version = version.to_owned();
    event.data = Data(data);
    event
}

/// Whether the consumers' own decoder takes this data, about the subject that it names: which of its
/// fields repeats the subject only the type knows.
fn is_decoded(
    known: &KnownType,
    version: &str,
    data: &Map<String, Value>,
) -> Result<(), DecodeError> {
    let mut event = event_with(known, version, data.clone());
    let mut error = (known.check)(&event);
    for subject in data.values().filter_map(Value::as_str) {
        if error.is_ok() {
            break;
        }
        event.subject = subject.to_owned();
        error = (known.check)(&event);
    }
    error
}

#[test]
fn every_type_has_its_schemas_in_the_dialect_and_these_are_what_the_type_says() {
    for known in DOMAINS.iter().flat_map(|domain| domain.types) {
        let version =
            released(known.name, known.version).unwrap_or_else(|| panic!("{}", known.name));
        let shape = (known.shape)();
        for (text, schema) in [
            (version.writer, fanout_schemas::writer(&shape)),
            (version.reader, fanout_schemas::reader(&shape)),
        ] {
            assert_eq!(faults(&schema), [], "{}", known.name);
            let committed = serde_json::from_str(text).unwrap();
            assert_eq!(
                without_notes(&committed),
                without_notes(&schema),
                "{}",
                known.name
            );
            assert!(jsonschema::meta::is_valid(&schema));
        }
    }
}

/// The third judge: what the writer's schema describes, the consumers decode.
#[test]
fn what_any_version_may_write_is_decoded_and_is_what_every_reader_of_its_major_describes() {
    let all = std::env::var("FANOUT_INSTANCES").ok();
    let each = all.map_or(300, |all| {
        all.parse::<usize>().unwrap().div_ceil(RELEASED.len())
    });
    for (seed, version) in RELEASED.iter().enumerate() {
        let known = find(version.event_type).unwrap();
        let major = |version: &str| version.split('.').next().unwrap().to_owned();
        let readers = RELEASED.iter().filter(|it| {
            it.event_type == version.event_type && major(it.version) == major(version.version)
        });
        let readers: Vec<Validator> = readers
            .map(|it| validator(&serde_json::from_str(it.reader).unwrap()))
            .collect();
        let schema: Value = serde_json::from_str(version.writer).unwrap();
        let writer = validator(&schema);
        let mut instances = Instances::seeded(seed as u64);
        for _ in 0..each {
            let instance = instances.of(&schema);
            assert!(
                writer.is_valid(&instance),
                "{}: {instance}",
                version.event_type
            );
            assert!(
                readers.iter().all(|reader| reader.is_valid(&instance)),
                "{instance}"
            );
            let Value::Object(data) = instance else {
                panic!("an event's data is an object");
            };
            let decoded = is_decoded(known, version.version, &data);
            assert_eq!(decoded, Ok(()), "{}: {data:?}", version.event_type);
        }
    }
}

#[test]
fn what_is_published_is_described_by_its_writer_and_what_is_read_by_its_reader() {
    for (path, bytes) in golden() {
        let event = decode(&received(&bytes)).unwrap().event;
        let data = Value::Object(event.data.0.clone());
        let Some(version) = released(&event.event_type, &event.metadata.version) else {
            continue;
        };
        let schema = serde_json::from_str(version.writer).unwrap();
        assert!(validator(&schema).is_valid(&data), "{path}");
    }
    let created = released("user.created", "1.0").unwrap();
    let golden = include_bytes!("../user/golden/user.created/1.1/later-minor.json");
    let event = decode(&received(golden)).unwrap().event;
    let data = Value::Object(event.data.0);
    let is_valid = |schema| validator(&serde_json::from_str(schema).unwrap()).is_valid(&data);
    assert!(!is_valid(created.writer), "it has a field of a later minor");
    assert!(is_valid(created.reader));
}

#[test]
fn unknown_fields_duplicate_keys_and_texts_of_a_megabyte_are_handled() {
    let golden = include_str!("../user/golden/user.created/1.0/event.json");
    let check = |text: &str| {
        let started = Instant::now();
        let decoded = decode(&received(text.as_bytes())).map(|it| it.event);
        let read = decoded.and_then(|event| (find("user.created").unwrap().check)(&event));
        (read, started.elapsed())
    };
    let megabyte = "x".repeat(1 << 20);
    let unknown = golden.replacen('{', &format!("{{\"later\": \"{megabyte}\", "), 1);
    assert_eq!(check(&unknown).0, Ok(()));
    let name = golden.replace("Test User", &megabyte);
    let error = check(&name).0.unwrap_err().to_string();
    assert!(
        error.starts_with("the event is not valid: data.name must have 1 to 200"),
        "{error}"
    );
    // Of two fields with one name the last counts, for every reader here.
    let twice = golden.replacen('{', "{\"sequence\": 0, \"subject\": \"usr_other\", ", 1);
    assert_eq!(check(&twice).0, Ok(()));
    let numbers = golden.replacen(
        "\"data\": {",
        "\"data\": {\"big\": 123456789012345678901234567890, ",
        1,
    );
    assert_eq!(check(&numbers).0, Ok(()));
}

#[test]
fn nothing_is_coerced() {
    let golden: Value =
        serde_json::from_slice(include_bytes!("../user/golden/user.created/1.0/event.json"))
            .unwrap();
    let texts = [
        "/id",
        "/type",
        "/source",
        "/subject",
        "/timestamp",
        "/metadata/version",
        "/data/user_id",
        "/data/email",
        "/data/name",
    ];
    let known = find("user.created").unwrap();
    for pointer in texts {
        for other in [
            json!(1),
            json!(true),
            json!(null),
            json!({}),
            json!(["x"]),
            json!(""),
        ] {
            let mut value = golden.clone();
            *value.pointer_mut(pointer).unwrap() = other.clone();
            let decoded = decode(&received(value.to_string().as_bytes()));
            let error = decoded
                .and_then(|it| (known.check)(&it.event))
                .unwrap_err()
                .to_string();
            let path = pointer[1..].replace('/', ".");
            assert!(
                error.contains(&format!(": {path} must be a string")),
                "{other}: {error}"
            );
        }
    }
    for other in [json!("1"), json!(true), json!(null), json!([1])] {
        let mut value = golden.clone();
        value["sequence"] = other;
        assert!(decode(&received(value.to_string().as_bytes())).is_err());
    }
}

/// What goes wrong with bytes on their way.
#[derive(Debug, Clone)]
enum Mutation {
    Flip(usize, u8),
    Cut(usize, usize),
    Twice(usize, usize),
    Insert(usize, &'static [u8]),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..1_200_usize;
    let odd: &'static [&'static [u8]] = &[
        b"\"",
        b"\\",
        b"\xFF",
        b"\xEF\xBB\xBF",
        b"\\ud800",
        b"1e400",
        b"[[[[[[[[",
        b"}",
        b"null",
        b"\0",
        b"-",
        b"9007199254740993",
    ];
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (at.clone(), 0..40_usize).prop_map(|(at, length)| Mutation::Cut(at, length)),
        (at.clone(), 0..200_usize).prop_map(|(at, length)| Mutation::Twice(at, length)),
        (at, prop::sample::select(odd)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
    ]
}

fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        let (length, place) = (bytes.len(), |at: &usize| at % bytes.len().max(1));
        match mutation {
            Mutation::Flip(at, bits) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Mutation::Cut(at, more) => {
                let at = place(at);
                drop(bytes.drain(at..(at + more).min(length)));
            }
            Mutation::Twice(at, more) => {
                let at = place(at).min(length);
                let part = bytes[at..(at + more).min(length)].to_vec();
                bytes.splice(at..at, part);
            }
            Mutation::Insert(at, odd) => {
                let at = place(at);
                bytes.splice(at..at, odd.iter().copied());
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_golden_file_that_went_wrong_is_decoded_or_parked_soon(
        file in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let golden = golden();
        let bytes = mutated(file.get(&golden).1.clone(), &mutations);
        // A busy machine may take a thread away for a while, but not each time.
        let soon = (0..10).any(|_| {
            let started = Instant::now();
            if let Ok(decoded) = decode(&received(&bytes))
                && let Some(known) = find(&decoded.event.event_type)
            {
                drop((known.check)(&decoded.event));
            }
            started.elapsed() < SOON
        });
        prop_assert!(soon);
    }
}
