#![doc = include_str!("../README.md")]

mod attributes;
mod cloud_event;
mod decode;
mod envelope;
mod event_type;
mod events_of;
mod fingerprint;
mod identifier;
mod json_fields;
mod json_text;
mod personal;
mod shape;
mod short_form;
mod step;

pub use attributes::{CE_TYPE, CORRELATION_ID, FLOW, GOOGLES_TRACEPARENT, TRACEPARENT, attributes};
pub use cloud_event::is_cloud_event;
pub use decode::{DecodeError, Decoded, Received, decode, decode_message};
pub use envelope::{Data, Envelope, Event, Metadata};
pub use event_type::{Domain, EventType, InvalidVersion, KnownType, Version};
pub use events_of::EventsOf;
pub use fingerprint::{Fingerprint, sha256};
pub use identifier::is_identifier;
pub use json_fields::{JsonFields, WrongField};
pub use json_text::{json_text, skip_byte_order_mark};
pub use personal::{EmailAddress, InvalidEmailAddress, InvalidPersonName, PersonName};
pub use shape::IDENTIFIER_PATTERN;
pub use step::{CANCELLED, OfStep, StepRef};
