//! A jar: something is put in and taken out, never more than there is.

use chrono::{DateTime, Utc};
use fanout_event_sourcing::{Aggregate, StreamEvent};
use fanout_events::{DecodeError, Domain, Event, EventType, JsonFields, KnownType, Version};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_runtime::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

static JARS: Domain = Domain {
    name: "jar",
    topic: "jar-events",
    types: &[KnownType::of::<Made>(), KnownType::of::<Changed>()],
};

/// A jar was made.
#[derive(Debug, Clone, JsonSchema, Serialize)]
pub(crate) struct Made {}

/// So much was put in, or taken out.
#[derive(Debug, Clone, JsonSchema, Serialize)]
pub(crate) struct Changed {
    by: i64,
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    on: Option<DateTime<Utc>>,
}

impl EventType for Made {
    const TYPE: &'static str = "jar.made";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/jar-made/v1";
    const DOMAIN: &'static Domain = &JARS;

    fn decode(_: &JsonFields<'_>, _: Version) -> Result<Self, DecodeError> {
        Ok(Self {})
    }
}

impl EventType for Changed {
    const TYPE: &'static str = "jar.changed";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/jar-changed/v1";
    const DOMAIN: &'static Domain = &JARS;

    fn decode(data: &JsonFields<'_>, _: Version) -> Result<Self, DecodeError> {
        let by = data.get("by").and_then(serde_json::Value::as_i64);
        let on = data.optional_text("on")?.map(DateTime::parse_from_rfc3339);
        let on = on.transpose();
        let on = on.map_err(|_| data.wrong("on", "must be a time of RFC 3339"))?;
        Ok(Self {
            by: by.ok_or_else(|| data.wrong("by", "must be a number"))?,
            on: on.map(|on| on.to_utc()),
        })
    }
}

/// What has happened to a jar.
#[derive(Debug, Clone)]
pub(crate) enum JarEvent {
    Made(Made),
    Changed(Changed),
}

impl StreamEvent for JarEvent {
    fn draft(&self, stream: &str, sequence: u64) -> Result<Draft, UnwritableEvent> {
        match self {
            Self::Made(made) => Draft::of(stream, sequence, made),
            Self::Changed(changed) => Draft::of(stream, sequence, changed),
        }
    }

    fn read(event: &Event) -> Result<Self, DecodeError> {
        if event.event_type == Made::TYPE {
            return Ok(Self::Made(event.read()?.data));
        }
        Ok(Self::Changed(event.read()?.data))
    }

    fn effective_at(&self) -> Option<Timestamp> {
        match self {
            Self::Made(_) => None,
            Self::Changed(changed) => changed.on,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    Make,
    Change(i64),
    ChangeOn(i64, Timestamp),
}

/// There is less in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is less in the jar")]
pub(crate) struct NotSoMuch;

/// A jar, whose state is stored with this number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JarOf<const SCHEMA: u32> {
    pub(crate) level: i64,
}

pub(crate) type Jar = JarOf<1>;

impl<const SCHEMA: u32> Aggregate for JarOf<SCHEMA> {
    const FIRST: &'static str = Made::TYPE;
    const TOPIC: &'static str = Made::DOMAIN.topic;
    const STATE_SCHEMA: u32 = SCHEMA;
    type Command = Command;
    type Event = JarEvent;
    type Refusal = NotSoMuch;

    fn decide(&self, command: &Command) -> Result<Vec<JarEvent>, NotSoMuch> {
        let (by, on) = match *command {
            Command::Make => return Ok(vec![JarEvent::Made(Made {})]),
            Command::Change(by) => (by, None),
            Command::ChangeOn(by, on) => (by, Some(on)),
        };
        if self.level + by < 0 {
            return Err(NotSoMuch);
        }
        Ok(vec![JarEvent::Changed(Changed { by, on })])
    }

    fn apply(&mut self, event: &JarEvent) {
        match event {
            JarEvent::Made(_) => {}
            JarEvent::Changed(changed) => self.level += changed.by,
        }
    }

    fn holds(&self) -> Result<(), &'static str> {
        if self.level < 0 {
            return Err("brings the level below nothing");
        }
        Ok(())
    }
}
