//! What services really publish is what their schemas say, and what CloudEvents' own SDK reads.

use chrono::SecondsFormat;
use cloudevents::binding::http::to_event;
use cloudevents::{AttributesReader, Data};
use fanout_bus::OutgoingMessage;
use fanout_contracts::released;
use fanout_events::{PersonName, Received, decode};
use serde_json::{Value, json};

use super::message;
use crate::user_service::Service;

/// The messages of a user's whole life.
async fn published() -> Vec<OutgoingMessage> {
    let service = Service::new().await;
    let id = service.new_user("Zoë.Test@exämple.com").await;
    service
        .patch(&id, &json!({"name": "李 Another-Name"}))
        .await;
    service.delete(&id).await;
    service.bus.messages()
}

#[tokio::test]
async fn what_is_published_is_what_its_writers_schema_says() {
    let published = published().await;
    let mut types = Vec::new();
    for message in &published {
        let event: Value = serde_json::from_slice(&message.data).unwrap();
        let event_type = event["type"].as_str().unwrap();
        let version = event["metadata"]["version"].as_str().unwrap();
        let schema = serde_json::from_str(released(event_type, version).unwrap().writer).unwrap();
        let person_name = |text: &str| PersonName::parse(text).is_ok();
        let options = jsonschema::options().with_format("person-name", person_name);
        let validator = options
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&event["data"])
            .map(|it| it.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{event}");
        types.push(event_type.to_owned());
    }
    let service = fanout_contracts::DOMAINS
        .iter()
        .find(|it| it.name == "user")
        .unwrap();
    let all: Vec<&str> = service.types.iter().map(|it| it.name).collect();
    assert_eq!(types, all, "each type that the service publishes");
}

/// An unwrapped push is an HTTP request in binary mode.
#[tokio::test]
async fn the_official_sdk_reads_what_is_published_in_binary_mode() {
    for published in published().await {
        let pushed = message(&published.data, &published.attributes, "17");
        let read = to_event(&pushed.to_headers(true), pushed.data.to_vec()).unwrap();
        let received = Received {
            data: &pushed.data,
            message_id: "17",
            publish_time: pushed.publish_time,
        };
        let event = decode(&received).unwrap().event;
        assert_eq!(read.id(), event.id);
        assert_eq!(read.ty(), event.event_type);
        assert_eq!(read.source().as_str(), event.source);
        assert_eq!(read.subject(), Some(event.subject.as_str()));
        let time = read
            .time()
            .unwrap()
            .to_rfc3339_opts(SecondsFormat::Millis, true);
        assert_eq!(
            time,
            event.timestamp.to_rfc3339_opts(SecondsFormat::Millis, true)
        );
        assert_eq!(
            read.dataschema().map(AsRef::as_ref),
            event.metadata.schema.as_deref()
        );
        assert_eq!(read.datacontenttype(), Some("application/json"));
        assert!(
            matches!(read.data(), Some(Data::Binary(data)) if *data == pushed.data)
                || matches!(read.data(), Some(Data::Json(_)))
        );
    }
}
