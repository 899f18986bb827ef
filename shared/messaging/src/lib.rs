//! Messages in and out: the `Publisher` port with its adapters, the one consume pipeline that every
//! consumer uses, and the outbox.
//!
//! Adapters: Pub/Sub by Google's own client (feature `pubsub`), and a broker in one SQLite file for
//! one machine (feature `local`).

pub mod consume;
mod dead_letter;
pub mod outbox;
mod publisher;
mod push_body;
mod topology;

#[cfg(feature = "google-cloud")]
pub mod google_cloud;
#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "pubsub")]
pub mod pubsub;

pub use dead_letter::{DeadLetterCause, message_as_it_was};
pub use publisher::{MessageId, OutgoingMessage, PublishError, Publisher};
pub(crate) use push_body::PushEnvelope;
pub use push_body::{NotAPush, PushedMessage};
pub use topology::{Backoff, DeadLetterPolicy, Retention, Subscription, Topology};
