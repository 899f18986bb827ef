//! Message attributes: CloudEvents 1.0 names, so that routing and filters need not open the data.

use std::collections::BTreeMap;

use chrono::SecondsFormat;

use crate::Envelope;

/// The attribute that continues a trace (W3C).
pub const TRACEPARENT: &str = "traceparent";
/// The same, by the name that Google's client libraries of other languages write and read.
pub const GOOGLES_TRACEPARENT: &str = "googclient_traceparent";
/// The attribute that names the event's type (CloudEvents). A message typed by hand has none.
pub const CE_TYPE: &str = "ce-type";
/// The attribute that names the request which started it all.
pub const CORRELATION_ID: &str = "correlation_id";

/// The attribute by which subscriptions filter that want events of one flow only; see
/// [`EventType::flow`](crate::EventType::flow).
pub const FLOW: &str = "flow";

/// The attributes of an event's message.
pub fn attributes<D>(event: &Envelope<D>, traceparent: Option<&str>) -> BTreeMap<String, String> {
    let time = event.timestamp.to_rfc3339_opts(SecondsFormat::Millis, true);
    let pairs = [
        ("content-type", Some("application/json")),
        ("ce-specversion", Some("1.0")),
        ("ce-id", Some(event.id.as_str())),
        (CE_TYPE, Some(event.event_type.as_str())),
        ("ce-source", Some(event.source.as_str())),
        ("ce-subject", Some(event.subject.as_str())),
        ("ce-time", Some(time.as_str())),
        ("ce-dataschema", event.metadata.schema.as_deref()),
        (CORRELATION_ID, event.correlation_id.as_deref()),
        (TRACEPARENT, traceparent),
        (GOOGLES_TRACEPARENT, traceparent),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Received, decode};

    #[test]
    fn attributes_carry_the_cloudevents_names() {
        let event = decode(&Received {
            data: include_bytes!("../../contracts/user/golden/user.created/1.0/event.json"),
            message_id: "1",
            publish_time: chrono::DateTime::UNIX_EPOCH,
        })
        .unwrap()
        .event;
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        insta::assert_json_snapshot!(attributes(&event, Some(traceparent)));
    }
}
