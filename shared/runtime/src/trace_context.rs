//! W3C trace context: one trace over the whole fan-out.

use std::fmt;
use std::str::FromStr;

/// A `traceparent` (W3C Trace Context, level 1): version, trace id, parent id and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    parent_id: String,
    flags: String,
}

/// The header is no usable `traceparent`; a trace then simply is not continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent")]
pub struct InvalidTraceContext;

impl TraceContext {
    /// The context of a request: its `traceparent`, or Google's older `X-Cloud-Trace-Context`.
    pub fn from_headers(headers: &http::HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        text("traceparent")
            .and_then(|value| value.parse().ok())
            .or_else(|| text("x-cloud-trace-context").and_then(Self::from_cloud_header))
    }

    /// 32 hexadecimal digits: what Cloud Logging groups by.
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// 16 hexadecimal digits: the span that the context is of.
    pub fn span_id(&self) -> &str {
        &self.parent_id
    }

    /// Whether the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        let flags = u8::from_str_radix(&self.flags, 16);
        flags.is_ok_and(|flags| flags & 1 == 1)
    }

    /// `TRACE_ID/SPAN_ID;o=OPTIONS`, the span id decimal.
    fn from_cloud_header(value: &str) -> Option<Self> {
        let (trace_id, rest) = value.split_once('/')?;
        let (span, options) = rest.split_once(";o=").unwrap_or((rest, "0"));
        let span: u64 = span.parse().ok()?;
        let flags = if options == "1" { "01" } else { "00" };
        format!("00-{}-{span:016x}-{flags}", trace_id.to_lowercase())
            .parse()
            .ok()
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceContext;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = value.trim().split('-').collect();
        let [version, trace_id, parent_id, flags] = parts.as_slice() else {
            return Err(InvalidTraceContext);
        };
        let hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let zero = |part: &str| part.bytes().all(|b| b == b'0');
        let valid = hex(version, 2)
            && *version != "ff"
            && hex(trace_id, 32)
            && !zero(trace_id)
            && hex(parent_id, 16)
            && !zero(parent_id)
            && hex(flags, 2);
        valid
            .then(|| Self {
                trace_id: (*trace_id).to_owned(),
                parent_id: (*parent_id).to_owned(),
                flags: (*flags).to_owned(),
            })
            .ok_or(InvalidTraceContext)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "00-{}-{}-{}",
            self.trace_id, self.parent_id, self.flags
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written_unchanged() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id(), "00f067aa0ba902b7");
        assert!(context.is_sampled());
        let unsampled: TraceContext = EXAMPLE.replace("-01", "-02").parse().unwrap();
        assert!(!unsampled.is_sampled());
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for bad in [
            "",
            "00",
            "00-0-0-00",
            &EXAMPLE.to_uppercase(),
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert_eq!(
                bad.parse::<TraceContext>(),
                Err(InvalidTraceContext),
                "{bad}"
            );
        }
    }

    #[test]
    fn googles_older_header_continues_a_trace_too() {
        let mut headers = http::HeaderMap::new();
        let value = "4bf92f3577b34da6a3ce929d0e0e4736/255;o=1";
        headers.insert("x-cloud-trace-context", value.parse().unwrap());
        let context = TraceContext::from_headers(&headers).unwrap();
        assert_eq!(
            context.to_string(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ff-01"
        );
    }
}
