//! What a log line says, as far as it is counted.

use std::fmt;

use tracing::Metadata;
use tracing::field::{Field, Visit};

/// The fields of a line that are counted. A line has those of one kind of statement: of a delivery,
/// of a request, of a publication, or of a run of the relay.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) consumer: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) may_have_repeated: bool,
    pub(super) method: Option<String>,
    pub(super) route: Option<String>,
    pub(super) status: Option<u64>,
    /// Seconds that a request took.
    pub(super) latency: Option<f64>,
    pub(super) topic: Option<String>,
    /// Seconds that the bus took.
    pub(super) send_latency: Option<f64>,
    pub(super) remaining: Option<u64>,
    pub(super) oldest_age_seconds: Option<u64>,
}

const LATENCY: &str = "httpRequest.latency";
const SEND_LATENCY: &str = "send_latency";
const OLDEST_AGE: &str = "oldest_age_seconds";

/// Whether lines of this place are counted: they say how long something took, or what the relay left.
pub(super) fn is_counted(line: &Metadata<'_>) -> bool {
    let tells = |name| line.fields().field(name).is_some();
    line.is_event() && [LATENCY, SEND_LATENCY, OLDEST_AGE].into_iter().any(tells)
}

fn seconds(text: &str) -> Option<f64> {
    text.strip_suffix('s')?.parse().ok()
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = || Some(value.to_owned());
        match field.name() {
            "consumer" => self.consumer = value(),
            "outcome" => self.outcome = value(),
            "reason" => self.reason = value(),
            "topic" => self.topic = value(),
            "httpRequest.requestMethod" => self.method = value(),
            "httpRequest.requestUrl" => self.route = value(),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "httpRequest.status" => self.status = Some(value),
            "remaining" => self.remaining = Some(value),
            OLDEST_AGE => self.oldest_age_seconds = Some(value),
            _ => {}
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "may_have_repeated" {
            self.may_have_repeated = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            LATENCY => self.latency = seconds(&format!("{value:?}")),
            SEND_LATENCY => self.send_latency = seconds(&format!("{value:?}")),
            _ => {}
        }
    }
}
