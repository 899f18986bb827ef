//! Every number there is, by name: the same in Prometheus, in Terraform and in docs/METRICS.md.

/// What kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// How many were how long, in seconds.
    Histogram,
}

/// A number by labels. No label is an id, a subject or an address.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// As OpenTelemetry writes it.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// `s`, or empty for a count.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

impl Family {
    /// As Prometheus writes it.
    pub fn prometheus_name(&self) -> String {
        let name = self.name.replace('.', "_");
        let seconds = match self.unit {
            "s" => "_seconds",
            _ => "",
        };
        let total = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => "",
        };
        format!("{name}{seconds}{total}")
    }

    /// As the metric that Cloud Logging makes of log lines is called, where there is one.
    pub fn log_based_name(&self) -> String {
        let name = self.name.strip_prefix("fanout.").unwrap_or(self.name);
        format!("fanout/{}", name.replace('.', "_"))
    }
}

macro_rules! families {
    ($($constant:ident: $kind:ident $name:literal in $unit:literal by $labels:expr, $help:literal;)*) => {
        $(pub(super) const $constant: Family = Family {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &$labels,
            help: $help,
        };)*

        /// All of them.
        pub const FAMILIES: &[Family] = &[$($constant),*];
    };
}

families! {
    SENT: Counter "messaging.client.sent.messages" in "" by ["topic"],
        "Messages that the bus took.";
    SEND_TIME: Histogram "messaging.client.operation.duration" in "s" by ["topic"],
        "How long the bus took to take a message.";
    PROCESS_TIME: Histogram "messaging.process.duration" in "s" by ["consumer", "outcome"],
        "How long a consumer took for a delivery.";
    REQUEST_TIME: Histogram "http.server.request.duration" in "s" by ["method", "route", "status"],
        "How long a request took.";
    DELIVERIES: Counter "fanout.deliveries" in "" by ["consumer", "outcome"],
        "Deliveries, by what became of them.";
    PARKED: Counter "fanout.parked" in "" by ["consumer", "reason"],
        "Events that a consumer put on its dead-letter topic.";
    TAKEN_OVER: Counter "fanout.claims.taken_over" in "" by ["consumer"],
        "Claims taken over from a holder that was cut off.";
    OUTBOX_ROWS: Gauge "fanout.outbox.rows" in "" by [],
        "Stored events that the last run of the relay left unpublished.";
    OUTBOX_OLDEST_AGE: Gauge "fanout.outbox.oldest_age" in "s" by [],
        "Age of the oldest stored event that the last run of the relay left unpublished.";
    SUBSCRIPTION_WAITING: Gauge "fanout.subscription.waiting" in "" by ["subscription"],
        "Messages that are not acked.";
    SUBSCRIPTION_OLDEST_AGE: Gauge "fanout.subscription.oldest_age" in "s" by ["subscription"],
        "Age of the oldest message that is not acked.";
}
