//! What the examples have in common: one process on the engine, over the embedded store, among actors
//! that a script speaks for. The clock stands still until nothing is left to do, and then jumps to
//! what comes next: something that an actor says, or a deadline. What happens is written down.

#![allow(dead_code, reason = "no example uses all of it")]

pub(crate) mod participants;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use fanout_bus::PushedMessage;
use fanout_consume::{Consumer, ConsumerDeps, Pipeline, PushAuth};
use fanout_events::{Data, Envelope, Event, EventType, Metadata, Received, decode};
use fanout_outbox::{Origin, Outbox};
use fanout_processes::{Engine, Machine, Owned, Processes, StoredProcess, process_key};
use fanout_runtime::{BoxError, Clock as _, Timestamp, Timings};
use fanout_store::Documents as _;
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::{ManualClock, ScriptedBus, SeededIds};
use serde_json::Value;

/// The service that owns the process of an example.
const OWNER: &str = "owner";
/// More rounds than any story has: one that goes on for ever is a fault.
const ROUNDS: usize = 2_000;

/// The types of an example's events: a line each, all fields are identifiers, and `+ step` makes it
/// a request for a step or an answer to one.
macro_rules! events {
    ($($name:ident = $type:literal { $($field:ident),* } $(+ $step:ident)?;)+) => {
        static DOMAIN: ::fanout_events::Domain = ::fanout_events::Domain {
            name: "example",
            topic: "example-events",
            types: &[$(::fanout_events::KnownType::of::<$name>()),+],
        };
        $(
            #[allow(dead_code, reason = "no example says every event itself")]
            #[derive(::schemars::JsonSchema, ::serde::Serialize)]
            struct $name {
                $($field: String,)*
                $($step: ::fanout_events::StepRef,)?
            }

            impl ::fanout_events::EventType for $name {
                const TYPE: &'static str = $type;
                const VERSION: &'static str = "1.0";
                const SCHEMA: &'static str = concat!("https://schemas.example.com/", $type, "/v1");
                const DOMAIN: &'static ::fanout_events::Domain = &DOMAIN;

                fn decode(
                    data: &::fanout_events::JsonFields<'_>,
                    _: ::fanout_events::Version,
                ) -> Result<Self, ::fanout_events::DecodeError> {
                    Ok(Self {
                        $($field: data.identifier(stringify!($field))?.to_owned(),)*
                        $($step: ::fanout_events::StepRef::read(data)?,)?
                    })
                }
            }

            #[allow(dead_code, reason = "no example says every event itself")]
            impl $name {
                fn new($($field: impl Into<String>,)* $($step: ::fanout_events::StepRef)?) -> Self {
                    Self { $($field: $field.into(),)* $($step)? }
                }
            }

            $(impl ::fanout_events::OfStep for $name {
                fn step(&self) -> &::fanout_events::StepRef {
                    &self.$step
                }
            })?
        )+
    };
}
pub(crate) use events;

/// What an actor says, and how much later.
pub(crate) struct Said {
    by: &'static str,
    after: Duration,
    event_type: &'static str,
    metadata: Metadata,
    data: Result<Value, serde_json::Error>,
}

/// How a story went.
pub(crate) struct Told {
    /// What happened, a line each.
    pub(crate) timeline: String,
    /// What is left of the process.
    pub(crate) end: StoredProcess,
}

/// A process that begins with a fact, and how it is shown in a line.
pub(crate) struct Story<'a, T> {
    pub(crate) machine: Arc<dyn Machine>,
    pub(crate) key: &'a str,
    pub(crate) fact: &'a T,
    pub(crate) shown: fn(&StoredProcess) -> String,
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

impl Said {
    pub(crate) fn new<T: EventType>(by: &'static str, after: Duration, data: &T) -> Self {
        Self {
            by,
            after,
            event_type: T::TYPE,
            metadata: T::metadata(),
            data: serde_json::to_value(data),
        }
    }
}

impl<T: EventType> Story<'_, T> {
    /// Tells the story to its end: `actors` hear each event, and answer what they say to it.
    pub(crate) async fn told(
        &self,
        mut actors: impl FnMut(&Event) -> Vec<Said>,
    ) -> Result<Told, BoxError> {
        let mut stage = Stage::set(&self.machine).await?;
        stage.begin(self).await?;
        for _ in 0..ROUNDS {
            let published = stage.published()?;
            if !published.is_empty() {
                for event in published {
                    stage.hear(self, &event, &mut actors).await?;
                }
                continue;
            }
            let wake = stage.process(self).await?.wake_at;
            let said = stage.said.first_key_value().map(|((at, _), _)| *at);
            let Some(next) = [wake, said].into_iter().flatten().min() else {
                let end = stage.process(self).await?;
                return Ok(Told {
                    timeline: stage.lines,
                    end,
                });
            };
            stage.clock.set(next.max(stage.clock.now()));
            // The state decides, not the clock: what is said at that moment is heard first.
            match stage.said.first_entry().filter(|_| said == Some(next)) {
                Some(entry) => {
                    let event = entry.remove();
                    stage.hear(self, &event, &mut actors).await?;
                }
                None => stage.wake(self).await?,
            }
        }
        Err("the story has no end".into())
    }
}

/// Writes the stories of an example.
pub(crate) fn print(stories: &str) -> Result<(), BoxError> {
    Ok(std::io::stdout().write_all(stories.as_bytes())?)
}

struct Stage {
    documents: Arc<SqliteDocuments>,
    clock: Arc<ManualClock>,
    start: Timestamp,
    bus: Arc<ScriptedBus>,
    /// How many messages of the bus were heard.
    heard: usize,
    outbox: Outbox,
    engine: Engine,
    consumer: Pipeline,
    listens: BTreeSet<&'static str>,
    /// What actors have yet to say.
    said: BTreeMap<(Timestamp, usize), Event>,
    count: usize,
    lines: String,
}

impl Stage {
    async fn set(machine: &Arc<dyn Machine>) -> Result<Self, BoxError> {
        let start: Timestamp = "2026-11-20T12:00:00Z".parse()?;
        let clock = Arc::new(ManualClock::new(start));
        let documents = SqliteDocuments::open(Database::in_memory()?, clock.clone()).await?;
        let documents = Arc::new(documents);
        let (bus, ids) = (
            Arc::new(ScriptedBus::default()),
            Arc::new(SeededIds::new(7)),
        );
        let outbox = Outbox::new(
            documents.clone(),
            bus.clone(),
            clock.clone(),
            ids.clone(),
            OWNER,
        );
        let processes = Processes::of(vec![Owned {
            service: OWNER,
            machine: Arc::clone(machine),
        }]);
        let deps = ConsumerDeps {
            documents: documents.clone(),
            publisher: bus.clone(),
            outbox: outbox.clone(),
            dead_letter_topic: "dead-letters".to_owned(),
            clock: clock.clone(),
            ids,
            timings: Timings::PRODUCTION,
            auth: PushAuth::open_for_one_machine(),
        };
        let consumer = processes.on(Consumer::named(OWNER), clock.clone());
        Ok(Self {
            consumer: Pipeline::new(consumer, &deps),
            engine: Engine::new(processes, documents.clone(), outbox.clone(), clock.clone()),
            listens: machine.listens().iter().map(|(_, it)| it.name).collect(),
            documents,
            clock,
            start,
            bus,
            heard: 0,
            outbox,
            said: BTreeMap::new(),
            count: 0,
            lines: String::new(),
        })
    }

    /// As a service does: the fact, the process and its first request are one commit.
    async fn begin<T: EventType>(&self, story: &Story<'_, T>) -> Result<(), BoxError> {
        let (name, now) = (story.machine.name(), self.clock.now());
        let origin = Origin::default();
        let begun = self
            .engine
            .begin(name, story.key, story.fact, &origin, now)?;
        let committed = self.outbox.commit(begun.writes, begun.events).await?;
        self.outbox.publish_now(committed).await;
        self.outbox.drain().await;
        Ok(())
    }

    /// What was published since the last look.
    fn published(&mut self) -> Result<Vec<Event>, BoxError> {
        let taken = self.bus.taken();
        let new = taken[self.heard..].iter();
        let read = new.map(|(_, message)| {
            let received = Received {
                data: &message.data,
                message_id: "published",
                publish_time: self.start,
            };
            Ok(decode(&received)?.event)
        });
        let events = read.collect();
        self.heard = taken.len();
        events
    }

    async fn hear<T: EventType>(
        &mut self,
        story: &Story<'_, T>,
        event: &Event,
        actors: &mut impl FnMut(&Event) -> Vec<Said>,
    ) -> Result<(), BoxError> {
        let mut outcome = "done";
        if self.listens.contains(event.event_type.as_str()) {
            let message = PushedMessage {
                message_id: event.id.clone(),
                publish_time: event.timestamp,
                data: event.to_json()?.into(),
                attributes: BTreeMap::default(),
                ordering_key: String::new(),
                subscription: "projects/example/subscriptions/example".to_owned(),
                delivery_attempt: None,
            };
            outcome = self.consumer.deliver(&message).await.name();
            self.outbox.drain().await;
        }
        if outcome != "done" {
            return Err(format!("{} came to `{outcome}`", event.event_type).into());
        }
        let process = self.process(story).await?;
        self.note(&event.source, &event.event_type, &(story.shown)(&process))?;
        for said in actors(event) {
            self.schedule(event, said)?;
        }
        Ok(())
    }

    fn schedule(&mut self, cause: &Event, said: Said) -> Result<(), BoxError> {
        let Value::Object(data) = said.data? else {
            return Err("an event's data is an object".into());
        };
        let at = self.clock.now() + said.after;
        self.count += 1;
        let event = Envelope {
            id: format!("evt_{}", self.count),
            event_type: said.event_type.to_owned(),
            source: said.by.to_owned(),
            subject: format!("sub_{}", self.count),
            sequence: 1,
            timestamp: at,
            correlation_id: cause.correlation_id.clone(),
            causation_id: Some(cause.id.clone()),
            data: Data(data),
            metadata: said.metadata,
        };
        self.said.insert((at, self.count), event);
        Ok(())
    }

    /// As the ticker does.
    async fn wake<T: EventType>(&mut self, story: &Story<'_, T>) -> Result<(), BoxError> {
        let report = self.engine.wake_due().await?;
        self.outbox.drain().await;
        if report.woken != 1 {
            return Err("what was due was not woken".into());
        }
        let process = self.process(story).await?;
        self.note("ticker", "a deadline passes", &(story.shown)(&process))
    }

    fn note(&mut self, by: &str, what: &str, shown: &str) -> Result<(), BoxError> {
        let since = (self.clock.now() - self.start).num_seconds();
        let (hours, minutes, seconds) = (since / 3600, since / 60 % 60, since % 60);
        let time = format!("{hours}:{minutes:02}:{seconds:02}");
        writeln!(self.lines, "  {time:>8}  {by:<11} {what:<28} {shown}")?;
        Ok(())
    }

    async fn process<T: EventType>(&self, story: &Story<'_, T>) -> Result<StoredProcess, BoxError> {
        let key = process_key(story.machine.name(), story.key);
        let document = self.documents.get(&key).await?;
        let document = document.ok_or("the process is not there")?;
        Ok(StoredProcess::from_document(&document)?)
    }
}
