//! What a publish may hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::bus::message;
use super::differences::MESSAGE_LIMITS;
use super::on_both_buses;

fn of_size(bytes: usize) -> Value {
    json!({"data": STANDARD.encode(vec![b'x'; bytes])})
}

fn attribute(name: usize, value: usize) -> Value {
    json!({"attributes": {"n".repeat(name): "v".repeat(value)}})
}

fn attributes(count: usize) -> Value {
    let attributes = (0..count).map(|number| (number.to_string(), "v".into()));
    json!({"attributes": Value::Object(attributes.collect())})
}

fn keyed(bytes: usize) -> Value {
    json!({"data": "eA==", "orderingKey": "k".repeat(bytes)})
}

on_both_buses! {
    async fn a_publish_has_from_one_to_a_thousand_messages_that_are_not_empty(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        for (messages, expected) in [
            (vec![], 400),
            (vec![json!({})], 400),
            // Nothing is taken of what is refused in part.
            (vec![message("fine"), json!({})], 400),
            (vec![message("x"); 1_001], 400),
            (vec![message("x"); 1_000], 200),
        ] {
            let count = messages.len();
            let publish = json!({ "messages": messages });
            let (status, _) = bus.call("POST topics/events:publish", publish).await;
            assert_eq!(status, expected, "{count} messages");
        }
        bus.pull_exactly("all", 1_000).await;
        assert_eq!(bus.pull("all", 1).await, [Value::Null; 0]);
    }

    async fn a_message_has_ten_megabytes_and_a_hundred_attributes_at_most(bus) {
        bus.topic("events").await;
        bus.subscription("all", json!({})).await;
        let fitting = [of_size(10_000_000), attribute(256, 1_024), attributes(100), keyed(1_024)];
        for message in &fitting {
            bus.publish(vec![message.clone()]).await;
            let pulled = bus.pull_exactly("all", 1).await;
            bus.acknowledge("all", &pulled).await;
            let data = |message: &Value| message["data"].as_str().map_or(0, str::len);
            assert_eq!(data(&pulled[0]["message"]), data(message));
        }
        let expected = bus.unless_emulator(&MESSAGE_LIMITS, 400, 200);
        for (what, messages) in [
            ("a byte too much", vec![of_size(10_000_001)]),
            ("a byte too much in two messages", vec![of_size(5_000_000), of_size(5_000_001)]),
            ("101 attributes", vec![attributes(101)]),
            ("a long attribute name", vec![attribute(257, 1)]),
            ("an empty attribute name", vec![attribute(0, 1)]),
            ("a long attribute value", vec![attribute(1, 1_025)]),
            ("a long ordering key", vec![keyed(1_025)]),
        ] {
            let publish = json!({ "messages": messages });
            let (status, _) = bus.call("POST topics/events:publish", publish).await;
            assert_eq!(status, expected, "{what}");
        }
    }
}
