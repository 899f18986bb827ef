//! How long a request took, as logs have it.

use std::time::Duration;

/// A duration as `httpRequest.latency` in Cloud Logging: seconds, `0.000412s`.
#[derive(Debug, Clone, Copy)]
pub struct Latency(pub Duration);

impl std::fmt::Display for Latency {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, micros) = (self.0.as_secs(), self.0.subsec_micros());
        write!(out, "{seconds}.{micros:06}s")
    }
}
