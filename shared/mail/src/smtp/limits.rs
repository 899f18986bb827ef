//! How long a delivery to the mail server may take.

use std::time::Duration;

/// How long each part may take. The first three together fit into the handler's 45 s, so that a
/// server that hangs is told apart by where it hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmtpLimits {
    /// Until there is a session: a free or a new connection, its greeting, TLS, authentication.
    pub opening: Duration,
    /// Until sender and recipient are taken, and the server waits for the mail.
    pub envelope: Duration,
    /// Until the server has taken the mail.
    pub content: Duration,
    /// How long a session waits for the next mail. Servers end it after minutes.
    pub idle: Duration,
    /// How many sessions there are at most. Providers count them, and refuse those above.
    pub sessions: usize,
}

impl SmtpLimits {
    /// What is deployed.
    pub const PRODUCTION: Self = Self {
        opening: Duration::from_secs(10),
        envelope: Duration::from_secs(10),
        content: Duration::from_secs(20),
        idle: Duration::from_secs(30),
        sessions: 10,
    };
}

#[cfg(test)]
mod tests {
    use fanout_runtime::Timings;

    use super::*;

    #[test]
    fn a_server_that_hangs_is_given_up_within_the_handlers_budget() {
        let limits = SmtpLimits::PRODUCTION;
        let all = limits.opening + limits.envelope + limits.content;
        assert!(all < Timings::PRODUCTION.handler_budget);
    }
}
