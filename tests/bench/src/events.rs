//! Sign-ups and their events, by number.

use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// Every so many deliveries, one is a copy of an earlier one.
const COPY_EVERY: usize = 10;
/// So many deliveries before: answered, as a rule, when the copy comes.
const COPY_AFTER: usize = 104;

/// What a bus pushes, of which a tenth are copies.
pub(crate) struct Deliveries {
    pub(crate) bodies: Vec<Vec<u8>>,
    /// How many different events they hold.
    pub(crate) events: usize,
}

/// One push of each event of these numbers, but every tenth is a copy.
pub(crate) fn deliveries(numbers: Range<usize>) -> Deliveries {
    let copied = |number: usize| {
        let place = number - numbers.start;
        let is_copy = place % COPY_EVERY == COPY_EVERY - 1 && place >= COPY_AFTER;
        is_copy.then(|| number - COPY_AFTER)
    };
    let copies = numbers.clone().filter(|number| copied(*number).is_some());
    let events = numbers.len() - copies.count();
    let body = |number| match copied(number) {
        Some(original) => push(original, number),
        None => push(number, number),
    };
    let bodies = numbers.clone().map(body).collect();
    Deliveries { bodies, events }
}

/// A push of Pub/Sub's with the event of a sign-up, as user-service publishes it.
fn push(event: usize, message: usize) -> Vec<u8> {
    let (event_id, user) = (id("evt", event), id("usr", event));
    let (correlation, time) = (id("req", event), "2026-11-20T12:00:00.000Z");
    let envelope = json!({
        "id": event_id, "type": "user.created", "source": "user-service", "subject": user, "sequence": 1,
        "timestamp": time, "correlation_id": correlation, "causation_id": null,
        "data": {"user_id": user, "email": format!("user-{event}@example.com"), "name": "Ada Lovelace"},
        "metadata": {"version": "1.0", "schema": "https://schemas.example.com/user-created/v1"},
    });
    let attributes = json!({
        "ce-dataschema": "https://schemas.example.com/user-created/v1", "ce-id": event_id,
        "ce-source": "user-service", "ce-specversion": "1.0", "ce-subject": user, "ce-time": time,
        "ce-type": "user.created", "content-type": "application/json", "correlation_id": correlation,
    });
    let message = message.to_string();
    let push = json!({
        "subscription": "projects/bench/subscriptions/user-events-crm",
        "message": {
            "data": BASE64_STANDARD.encode(envelope.to_string()), "attributes": attributes,
            "messageId": message, "message_id": message, "publishTime": time, "publish_time": time,
        },
    });
    push.to_string().into_bytes()
}

/// A body of `POST /users` for each of these numbers.
pub(crate) fn sign_ups(numbers: Range<usize>) -> Vec<Vec<u8>> {
    let body = |number| {
        let email = format!("user-{number}@example.com");
        json!({"email": email, "name": "Ada Lovelace"})
            .to_string()
            .into_bytes()
    };
    numbers.map(body).collect()
}

/// An identifier as long as the system's.
fn id(prefix: &str, number: usize) -> String {
    format!("{prefix}_01JD2V7Q4K{number:016}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn a_tenth_of_the_deliveries_are_copies_of_events_that_came_before() {
        let deliveries = deliveries(5_000..6_000);
        let mut seen = HashSet::new();
        let mut messages = HashSet::new();
        for body in &deliveries.bodies {
            let push: Value = serde_json::from_slice(body).unwrap();
            seen.insert(push["message"]["attributes"]["ce-id"].to_string());
            assert!(messages.insert(push["message"]["messageId"].to_string()));
        }
        assert_eq!(deliveries.bodies.len(), 1_000);
        assert_eq!(deliveries.events, seen.len());
        assert_eq!(seen.len(), 910);
    }
}
