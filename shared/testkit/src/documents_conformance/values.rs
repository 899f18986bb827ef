//! Values come back as they went in.

use chrono::DateTime;
use fanout_runtime::Timestamp;
use fanout_store::{Fields, Value, Write};

use super::scene::{Store, assert_refused, exists, fields, new_key, write};

fn moment(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// `Debug` of a value shows its kind only; comparing one by one tells which it was.
async fn assert_comes_back(store: &Store, values: Vec<Value>) {
    let key = new_key();
    let named = values.iter().cloned().enumerate();
    let content: Fields = named.map(|(n, value)| (format!("v{n}"), value)).collect();
    write(store, Write::set(key.clone(), content)).await;
    let found = fields(store, &key).await;
    for (n, value) in values.iter().enumerate() {
        assert!(found.get(&format!("v{n}")) == Some(value), "value {n}");
    }
}

/// Every kind there is, alone and in each other.
pub async fn every_kind_of_value_comes_back(store: Store) {
    let map = Fields::new()
        .with("list", Value::Array(vec![Value::Null, "x".into()]))
        .with("empty", Value::Map(Fields::new()))
        .with("deeper", Value::Map(Fields::new().with("n", 1_i64)));
    let list = vec![
        Value::Boolean(true),
        Value::Integer(1),
        Value::Double(1.0),
        Value::Timestamp(moment("2026-11-20T12:00:00.123Z")),
        Value::Map(map.clone()),
    ];
    assert_comes_back(
        &store,
        vec![
            Value::Null,
            Value::Boolean(true),
            Value::Boolean(false),
            Value::Integer(0),
            Value::Double(0.5),
            Value::from("text"),
            Value::Timestamp(moment("2026-11-20T12:00:00.123Z")),
            Value::Array(list),
            Value::Array(Vec::new()),
            Value::Map(map),
            Value::Map(Fields::new()),
        ],
    )
    .await;
}

/// The extremes, and doubles that need all their digits.
pub async fn numbers_come_back_to_the_last_bit(store: Store) {
    let whole = [i64::MAX, i64::MIN, -1, (1 << 53) + 1];
    let doubles = [
        0.1 + 0.2,
        1.0 / 3.0,
        1e23,
        -1.6797147598904503,
        -9.927774119401485e-126,
        9.5e-7,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::INFINITY,
        f64::NEG_INFINITY,
        3.0,
    ];
    let whole = whole.into_iter().map(Value::Integer);
    let doubles = doubles.into_iter().map(Value::Double);
    assert_comes_back(&store, whole.chain(doubles).collect()).await;

    let key = new_key();
    let not_a_number = Fields::new().with("v", Value::Double(f64::NAN));
    write(&store, Write::set(key.clone(), not_a_number)).await;
    match fields(&store, &key).await.get("v") {
        Some(Value::Double(number)) => assert!(number.is_nan()),
        other => panic!("NaN came back as {other:?}"),
    }
}

/// All of Unicode, control characters included, and long texts.
pub async fn texts_come_back_character_by_character(store: Store) {
    let controls: String = ('\u{1}'..='\u{1F}').chain(['\u{7F}', '\u{85}']).collect();
    let long = "ä€😀\"\\/".repeat(5_000);
    let texts = [
        "",
        " ",
        "\"quoted\" \\ and / and {\"$time\":1}",
        "\r\n\t",
        controls.as_str(),
        "e\u{301} is not é",
        "👩‍👩‍👧 \u{1F600} \u{FFFD} \u{FEFF} \u{10FFFF}",
        "\u{202E}right to left",
        "2026-11-20T12:00:00.000Z",
        "null",
        long.as_str(),
    ];
    assert_comes_back(&store, texts.map(Value::from).into()).await;
}

/// Before 1970 too; what is finer is cut.
pub async fn moments_come_back_in_whole_milliseconds(store: Store) {
    let moments = [
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "2026-11-20T12:00:00.001Z",
    ];
    let moments = moments.map(|text| Value::Timestamp(moment(text)));
    assert_comes_back(&store, moments.into()).await;

    let key = new_key();
    let finer = Value::Timestamp(moment("2026-11-20T12:00:00.001999999Z"));
    let content = Fields::new().with("at", finer);
    write(&store, Write::set(key.clone(), content)).await;
    let cut = moment("2026-11-20T12:00:00.001Z");
    assert_eq!(fields(&store, &key).await.timestamp("at"), Ok(cut));
}

/// At the top and in a map, set and merged.
pub async fn fields_of_any_name_come_back(store: Store) {
    let names = [
        "a.b", "$a", "$$a", "$time", "$double", "a b", " ", "`", "a`b`", "\\", "\"", "'", "a/b",
        "[0]", "*", "7", "é", "😀", "_", "__", "__x", "\n", "~", "h_00",
    ];
    let named = || {
        names
            .iter()
            .map(|name| ((*name).to_owned(), Value::from(*name)))
    };
    let content: Fields = named()
        .chain([("map".to_owned(), Value::Map(named().collect()))])
        .collect();
    let (set, merged) = (new_key(), new_key());
    write(&store, Write::set(set.clone(), content.clone())).await;
    assert!(fields(&store, &set).await == content, "set");
    write(&store, Write::merge(merged.clone(), content.clone())).await;
    assert!(fields(&store, &merged).await == content, "merge");
}

/// What works on one machine must not fail in the cloud for the first time.
pub async fn a_value_that_firestore_does_not_take_is_refused(store: Store) {
    let list = Value::Array(vec![Value::Array(Vec::new())]);
    let inside = |name: &str| Value::Map(Fields::new().with(name, 1_i64));
    for (what, content) in [
        ("an array in an array", Fields::new().with("a", list)),
        ("a field without a name", Fields::new().with("", 1_i64)),
        ("a reserved name", Fields::new().with("__a__", 1_i64)),
        (
            "the same in a map",
            Fields::new().with("a", inside("__a__")),
        ),
        ("no name in a map", Fields::new().with("a", inside(""))),
        (
            "a kind that is not written",
            Fields::new().with("a", Value::Foreign("bytes")),
        ),
    ] {
        let key = new_key();
        assert_refused(&store, vec![Write::set(key.clone(), content)], what).await;
        assert!(!exists(&store, &key).await, "{what}");
    }
}
