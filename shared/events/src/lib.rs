#![doc = include_str!("../README.md")]

mod attributes;
mod decode;
mod envelope;
mod fingerprint;
mod identifier;
mod json_fields;
mod personal;
mod short_form;
mod user_created;
mod user_deleted;
mod user_updated;

pub use attributes::{CORRELATION_ID, TRACEPARENT, attributes};
pub use decode::{DecodeError, Decoded, Received, decode};
pub use envelope::{Envelope, Event, Metadata, Payload};
pub use fingerprint::Fingerprint;
pub use identifier::is_identifier;
pub use personal::{EmailAddress, InvalidEmailAddress, InvalidPersonName, PersonName};
pub use user_created::UserCreated;
pub use user_deleted::UserDeleted;
pub use user_updated::UserUpdated;
