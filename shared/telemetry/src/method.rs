//! A request's method, as metrics and spans tell it.

/// The methods that OpenTelemetry's conventions know.
const KNOWN: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Stands for every other: a caller can send any word, and each would be a series for good.
const OTHER: &str = "_OTHER";

/// The method, if it is known.
pub(crate) fn told(method: &str) -> &str {
    if is_known(method) { method } else { OTHER }
}

/// The same as a span's name has it.
pub(crate) fn in_a_name(method: &str) -> &str {
    if is_known(method) { method } else { "HTTP" }
}

fn is_known(method: &str) -> bool {
    KNOWN.contains(&method)
}
