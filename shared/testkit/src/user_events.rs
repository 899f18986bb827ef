//! The events of a user's life, as user-service publishes them: the golden files, about somebody
//! else.

#![allow(clippy::unwrap_used, reason = "golden files are what they should be")]

use serde_json::Value;

/// A user's first event.
pub fn created(event_id: &str, user_id: &str) -> Value {
    let golden = include_str!("../../contracts/user/golden/user.created/1.0/event.json");
    about(golden, event_id, user_id, 1)
}

/// A later event of a user: another name.
pub fn updated(event_id: &str, user_id: &str, sequence: u64, name: &str) -> Value {
    let golden = include_str!("../../contracts/user/golden/user.updated/1.0/event.json");
    let mut event = about(golden, event_id, user_id, sequence);
    event["data"]["name"] = name.into();
    event
}

/// A user's last event.
pub fn deleted(event_id: &str, user_id: &str, sequence: u64) -> Value {
    let golden = include_str!("../../contracts/user/golden/user.deleted/1.0/event.json");
    about(golden, event_id, user_id, sequence)
}

fn about(golden: &str, event_id: &str, user_id: &str, sequence: u64) -> Value {
    let mut event: Value = serde_json::from_str(golden).unwrap();
    event["id"] = event_id.into();
    event["subject"] = user_id.into();
    event["sequence"] = sequence.into();
    event["data"]["user_id"] = user_id.into();
    event
}
