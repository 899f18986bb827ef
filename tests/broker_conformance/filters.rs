//! Which messages a subscription gets.

use serde_json::{Value, json};

use super::bus::texts;
use super::differences::{FILTERS_APPLIED, FILTERS_CHECKED};
use super::on_both_buses;

/// The text of each message says its attributes.
fn messages() -> Vec<Value> {
    let attributes = [
        json!({}),
        json!({"k": "v"}),
        json!({"k": "v2"}),
        json!({"k": ""}),
        json!({"ce-type": "user.created"}),
        json!({"ce-type": "user.deleted", "k": "v"}),
    ];
    let number = 1..;
    number
        .zip(attributes)
        .map(|(number, attributes): (u32, Value)| {
            let data = base64::Engine::encode(
                &base64::engine::general_purpose::STANDARD,
                number.to_string(),
            );
            json!({"data": data, "attributes": attributes})
        })
        .collect()
}

/// Filters and the messages that they let through.
const FILTERS: [(&str, &[u32]); 13] = [
    ("attributes:k", &[2, 3, 4, 6]),
    (r#"attributes.k = "v""#, &[2, 6]),
    (r#"attributes.k != "v""#, &[1, 3, 4, 5]),
    (r#"attributes.k = """#, &[4]),
    (r#"hasPrefix(attributes.k, "v")"#, &[2, 3, 6]),
    (r#"attributes:"ce-type""#, &[5, 6]),
    (r#"attributes."ce-type" = "user.created""#, &[5]),
    (r#"hasPrefix(attributes."ce-type", "user.")"#, &[5, 6]),
    ("NOT attributes:k", &[1, 5]),
    (r#"attributes:k AND attributes:"ce-type""#, &[6]),
    (r#"attributes.k = "v2" OR attributes:"ce-type""#, &[3, 5, 6]),
    (
        r#"NOT attributes:"ce-type" OR attributes."ce-type" = "user.created""#,
        &[1, 2, 3, 4, 5],
    ),
    (
        r#"attributes:"ce-type" AND NOT (attributes.k = "v" OR attributes.k = "v2")"#,
        &[5],
    ),
];

/// What is no filter.
const NO_FILTERS: [&str; 9] = [
    "nonsense",
    "attributes",
    "attributes.k",
    "attributes.k = v",
    r#"attributes.k = "v"#,
    r#"attributes.k > "v""#,
    "attributes:k AND",
    "(attributes:k",
    "attributes:a AND attributes:b OR attributes:c",
];

on_both_buses! {
    async fn a_subscription_gets_what_its_filter_lets_through(bus) {
        bus.topic("events").await;
        for (number, (filter, _)) in FILTERS.iter().enumerate() {
            bus.subscription(&format!("filtered-{number}"), json!({"filter": filter})).await;
        }
        bus.publish(messages()).await;
        for (number, (filter, wanted)) in FILTERS.iter().enumerate() {
            let wanted = bus.unless_emulator(&FILTERS_APPLIED, *wanted, &[1, 2, 3, 4, 5, 6]);
            let pulled = bus.pull_exactly(&format!("filtered-{number}"), wanted.len()).await;
            let mut found = texts(&pulled);
            found.sort();
            let wanted: Vec<String> = wanted.iter().map(u32::to_string).collect();
            assert_eq!(found, wanted, "{filter}");
        }
    }

    async fn what_is_no_filter_is_refused_at_creation(bus) {
        bus.topic("events").await;
        let longest = format!("attributes:{}", "k".repeat(256 - 11));
        bus.subscription("longest", json!({"filter": longest})).await;
        let too_long = format!("{longest}k");
        for (number, filter) in NO_FILTERS.into_iter().chain([too_long.as_str()]).enumerate() {
            let name = format!("refused-{number}");
            let (status, _) = bus.try_subscription(&name, json!({"filter": filter})).await;
            let expected = bus.unless_emulator(&FILTERS_CHECKED, (400, 404), (200, 200));
            let (found, _) = bus.call(&format!("GET subscriptions/{name}"), Value::Null).await;
            assert_eq!((status, found), expected, "{filter}");
        }
    }
}
