#![doc = include_str!("../README.md")]

mod backoff;
mod dead_letter;
mod publisher;
mod push_body;
mod topology;
mod trace;
mod unwrapped;

pub use dead_letter::{DeadLetterCause, X_REDRIVE, message_as_it_was, parked_copy};
pub use publisher::{MessageId, OutgoingMessage, PUBLISH_LIMIT, PublishError, Publisher};
pub use push_body::{MessageJson, NotAPush, PushEnvelope, PushedMessage, ReceivedJson};
pub use topology::{Backoff, DeadLetterPolicy, Retention, Subscription, Topology, Wrapping};
pub use trace::trace_of;
pub use unwrapped::UnwrappedPush;
