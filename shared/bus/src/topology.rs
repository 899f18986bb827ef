//! Topics and subscriptions as data: what the embedded broker and the emulator set-up create, and
//! what Terraform must match.

use std::time::Duration;

/// All topics and subscriptions of one system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// Topics, by short name.
    pub topics: Vec<String>,
    /// Subscriptions on those topics.
    pub subscriptions: Vec<Subscription>,
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its short name.
    pub name: String,
    /// The topic it listens to, by short name.
    pub topic: String,
    /// Where messages are pushed to; `None` for a pull subscription.
    pub push_endpoint: Option<String>,
    /// What a push is made of.
    pub wrapping: Wrapping,
    /// How long a delivery may take before it counts as failed; also the push request's time-out.
    pub ack_deadline: Duration,
    /// How long to wait between deliveries of a message that fails.
    pub backoff: Backoff,
    /// Where a message goes that keeps failing.
    pub dead_letters: Option<DeadLetterPolicy>,
    /// Whether messages with the same ordering key are delivered one after the other.
    pub ordered: bool,
    /// Which messages it wants, in Pub/Sub's filter language; `None` for all.
    pub filter: Option<String>,
    /// How long it keeps messages.
    pub retention: Retention,
}

/// What the body of a push is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wrapping {
    /// Google's JSON around the message.
    #[default]
    Wrapped,
    /// The message's data.
    Bare {
        /// With the rest in headers; else there is nothing of it.
        metadata: bool,
    },
}

/// How long a subscription keeps messages, counted from their publishing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// When a message is dropped, acked or not (Pub/Sub takes 10 minutes to 31 days).
    pub period: Duration,
    /// Whether messages are kept as long after they were acked, so that a seek brings them back.
    pub acked: bool,
}

impl Retention {
    /// Keeps what is not acked for so long, and nothing that is.
    pub const fn of_unacked(period: Duration) -> Self {
        Self {
            period,
            acked: false,
        }
    }
}

/// Growing waits between deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
}

/// Where a message goes that keeps failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPolicy {
    /// The topic, by short name.
    pub topic: String,
    /// How many deliveries are tried (Pub/Sub takes 5 to 100).
    pub max_attempts: u32,
}
