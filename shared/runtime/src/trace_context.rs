//! W3C trace context: one trace over the whole fan-out.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// How long a `traceparent` is.
const LENGTH: usize = 55;
const TRACE_ID: Range<usize> = 3..35;
const SPAN_ID: Range<usize> = 36..52;
const FLAGS: Range<usize> = 53..LENGTH;

/// A `traceparent` (W3C Trace Context, level 1): version, trace id, parent id and flags.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext([u8; LENGTH]);

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
        self.part(TRACE_ID)
    }

    /// 16 hexadecimal digits: the span that the context is of.
    pub fn span_id(&self) -> &str {
        self.part(SPAN_ID)
    }

    /// Whether the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        let flags = u8::from_str_radix(self.part(FLAGS), 16);
        flags.is_ok_and(|flags| flags & 1 == 1)
    }

    fn part(&self, range: Range<usize>) -> &str {
        // It is ASCII.
        std::str::from_utf8(&self.0[range]).unwrap_or_default()
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
        let text = value.trim().as_bytes();
        let text: [u8; LENGTH] = text.try_into().map_err(|_| InvalidTraceContext)?;
        let hex = |range: Range<usize>| {
            let mut digits = text[range].iter();
            digits.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let zero = |range: Range<usize>| text[range].iter().all(|byte| *byte == b'0');
        let valid = hex(0..2)
            && !text.starts_with(b"ff")
            && [2, 35, 52].into_iter().all(|dash| text[dash] == b'-')
            && hex(TRACE_ID)
            && !zero(TRACE_ID)
            && hex(SPAN_ID)
            && !zero(SPAN_ID)
            && hex(FLAGS);
        valid.then_some(Self(text)).ok_or(InvalidTraceContext)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.part(0..LENGTH))
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
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
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-01",
            &format!("{EXAMPLE}-more"),
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
