//! Reading what is logged of events: the delivery line, of which this is the one place that knows its
//! fields, and any other line with an event's id.

use std::fmt;
use std::sync::Arc;

use fanout_runtime::{Clock as _, MoreLogs, SystemClock};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry};

use super::{Delivery, Hub, LogLine};

/// Who logs deliveries, and who logs that the bus gives a message up.
const CONSUMERS: &str = "fanout_consume";
const BUS: &str = "fanout_bus_local::deliver";

/// Hears what is logged, and tells the hub.
pub(crate) struct Listener(Arc<Hub>);

/// The layer of a hub, with the filter that leaves all other lines alone.
pub(crate) fn hub_listener(hub: &Arc<Hub>) -> MoreLogs {
    let listener = Listener(Arc::clone(hub));
    Layer::<Registry>::with_filter(listener, filter_fn(is_heard)).boxed()
}

fn is_heard(line: &Metadata<'_>) -> bool {
    line.is_event() && (is_of_a_delivery(line) || is_of_the_bus(line) || is_of_an_event(line))
}

fn is_of_an_event(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::INFO && line.fields().field("event_id").is_some()
}

fn is_of_a_delivery(line: &Metadata<'_>) -> bool {
    line.target().starts_with(CONSUMERS) && line.fields().field("outcome").is_some()
}

fn is_of_the_bus(line: &Metadata<'_>) -> bool {
    line.target() == BUS && *line.level() == Level::WARN
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        let mut line = Line {
            is_other: !is_of_a_delivery(about) && !is_of_the_bus(about),
            ..Line::default()
        };
        event.record(&mut line);
        let now = SystemClock.now();
        if line.is_other {
            let logged = LogLine {
                at: now,
                level: about.level().as_str(),
                text: line.message,
                fields: line.fields,
            };
            self.0.logged(&line.told.event_id, logged);
        } else if about.target() == BUS {
            if let (Some(consumer), Some(message)) = (line.consumer(), line.told.message_id) {
                let tries = line.told.number.unwrap_or_default();
                let why = format!("{tries} deliveries failed: the bus gave it up");
                self.0.given_up(&message, &consumer, why, now);
            }
        } else if !line.told.consumer.is_empty() {
            self.0.delivered(line.told, now);
        }
    }
}

/// The fields of a line.
#[derive(Default)]
struct Line {
    /// Whether it is neither a delivery's nor the bus's: then it is kept as it is.
    is_other: bool,
    message: String,
    fields: Vec<(&'static str, String)>,
    told: Delivery,
    subscription: String,
    topic: String,
}

impl Line {
    /// Whose subscription it is.
    fn consumer(&self) -> Option<String> {
        if self.topic.is_empty() {
            return None;
        }
        let mut consumers = system::consumers();
        let found = consumers.find(|it| {
            let mut topics = it.topics.iter();
            topics.any(|topic| it.subscription(topic.topic) == self.subscription)
        });
        found.map(|it| it.consumer.to_owned())
    }

    fn keep(&mut self, field: &Field, value: String) {
        match field.name() {
            "message" => self.message = value,
            "event_id" => self.told.event_id = value,
            name if name.starts_with("logging.googleapis.com/") => {}
            name => self.fields.push((name, value)),
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        let owned = || value.to_owned();
        let told = &mut self.told;
        match name {
            "event_id" => told.event_id = owned(),
            "event_type" => told.event_type = owned(),
            "subject" => told.subject = Some(owned()),
            "correlation_id" => told.correlation_id = Some(owned()),
            "consumer" => told.consumer = owned(),
            "message_id" => told.message_id = Some(owned()),
            "outcome" => told.outcome = owned(),
            "reason" | "error" | "why" => {
                let why = told.why.take();
                told.why = Some(why.map_or_else(owned, |detail| format!("{value}: {detail}")));
            }
            "detail" => {
                let why = told.why.take();
                told.why = Some(why.map_or_else(owned, |reason| format!("{reason}: {value}")));
            }
            "subscription" => self.subscription = owned(),
            "topic" => self.topic = owned(),
            _ => {}
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.is_other {
            self.keep(field, value.to_owned());
        } else {
            self.text(field.name(), value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            _ if self.is_other => self.keep(field, value.to_string()),
            "httpRequest.status" => self.told.status = u16::try_from(value).ok(),
            "attempt" => self.told.number = Some(value),
            "duration_ms" => self.told.took_ms = value,
            _ => {}
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if self.is_other {
            self.keep(field, value.to_string());
        } else if field.name() == "message_id" {
            self.told.message_id = Some(value.to_string());
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if self.is_other {
            self.keep(field, value.to_string());
        } else if field.name() == "may_have_repeated" {
            self.told.may_have_repeated = value;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A delivery's line is read a thousand times a second, and has nothing to be read here.
        if self.is_other {
            self.keep(field, format!("{value:?}"));
        }
    }
}
