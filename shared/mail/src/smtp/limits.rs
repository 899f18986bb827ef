//! How long a delivery to the mail server may take.

use std::time::Duration;

/// How long each part may take. What is left of the caller's time goes to the answer after the mail,
/// which servers may take minutes for (RFC 5321, section 4.5.3.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmtpLimits {
    /// Until there is a session: a free or a new connection, its greeting, TLS, authentication.
    pub opening: Duration,
    /// Until the server has all of the mail but its end. Some look long at a recipient.
    pub envelope: Duration,
    /// The least time that is left for the answer after the mail: with less, its end is not sent.
    pub answer: Duration,
    /// How long a session waits for the next mail. Servers end it after minutes.
    pub idle: Duration,
    /// How many sessions there are at most. Providers count them, and refuse those above.
    pub sessions: usize,
}

impl SmtpLimits {
    /// What is deployed.
    pub const PRODUCTION: Self = Self {
        opening: Duration::from_secs(10),
        envelope: Duration::from_secs(35),
        answer: Duration::from_secs(5),
        idle: Duration::from_secs(30),
        sessions: 10,
    };
}
