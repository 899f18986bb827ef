//! What mails are asked for, and what became of them.

mod confirmation_requested;
mod sent;

use fanout_events::{Domain, KnownType};

pub use confirmation_requested::ConfirmationRequested;
pub use sent::MailSent;

/// All types of the domain.
pub const TYPES: &[KnownType] = &[
    KnownType::of::<ConfirmationRequested>(),
    KnownType::of::<MailSent>(),
];

/// The domain's topic.
pub const TOPIC: &str = "mail-events";

/// The domain.
pub static DOMAIN: Domain = Domain {
    name: "mail",
    topic: TOPIC,
    types: TYPES,
};
