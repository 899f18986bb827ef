//! The document of an instance.

use chrono::TimeDelta;
use fanout_runtime::{Timestamp, id_of};
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, UpdateTime, Value, Write, ascending,
    descending,
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::instance::{Failed, Instance, Status, StepRecord};
use crate::json::{to_json, to_value};

/// The collection of instances.
pub const PROCESSES: &Collection = &Collection::named("processes")
    .indexes(&[
        &[ascending("wake_shard"), ascending("wake_at")],
        &[ascending("status"), descending("updated_at")],
    ])
    .no_automatic_indexes()
    .expires_by("expires_at");

/// How many shards the times to wake at are spread over: an index on a time that rises holds
/// Firestore to a few hundred writes a second. A number to raise, never to lower.
pub const WAKE_SHARDS: u64 = 1;

/// How long an instance is kept after its end.
const KEPT: TimeDelta = TimeDelta::days(90);

/// An instance as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProcess {
    /// The process's name.
    pub name: String,
    /// The version of the process that it belongs to.
    pub version: u32,
    /// How far it has come.
    pub instance: Instance<Json>,
    /// How many requests and operator's words it has emitted: the sequence of the last one.
    pub emitted: u64,
    /// When it wakes.
    pub wake_at: Option<Timestamp>,
    /// The request that started it all.
    pub correlation_id: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Where an instance is.
pub fn process_key(name: &str, key: &str) -> Key {
    Key::new(PROCESSES, &format!("{name}:{key}"))
}

/// What the events of an instance are about: the process itself, which its service numbers.
pub fn process_subject(name: &str, key: &str) -> String {
    id_of("sag", &Sha256::digest(format!("{name}\n{key}")))
}

impl StoredProcess {
    /// Where it is.
    pub fn key(&self) -> Key {
        process_key(&self.name, &self.instance.key)
    }

    /// The cause of what a wake or an operator's word makes it emit: how often it had emitted, and when
    /// it had changed last. The first alone would be the same for two wakes that emit no request.
    pub(crate) fn cause(&self) -> String {
        let (key, emitted) = (&self.instance.key, self.emitted);
        let changed = self.updated_at.timestamp_micros();
        format!("{}:{key}:{emitted}:{changed}", self.name)
    }

    /// Stores it where there is none.
    pub(crate) fn create(&self) -> Write {
        Write::create(self.key(), self.to_fields())
    }

    /// Stores it in place of this version.
    pub(crate) fn replace(&self, version: UpdateTime) -> Write {
        Write::replace(self.key(), self.to_fields(), version)
    }

    /// The fields of its document.
    pub fn to_fields(&self) -> Fields {
        let steps = self.instance.steps.iter();
        let steps = steps.map(|record| to_value(&json_of(record))).collect();
        let failure = self.instance.failure.as_ref();
        let (key, shard) = (&self.instance.key, self.wake_shard());
        Fields::new()
            .with("name", self.name.as_str())
            .with("version", self.version)
            .with("key", key.as_str())
            .with("status", self.instance.status.as_str())
            .with("state", to_value(&self.instance.state))
            .with("steps", Value::Array(steps))
            .with("emitted", self.emitted)
            .with("wake_at", self.wake_at)
            .with("wake_shard", self.wake_at.map(|_| shard))
            .with("failure", failure.map(|it| to_value(&json_of(it))))
            .with("correlation_id", self.correlation_id.as_deref())
            .with("started_at", self.started_at)
            .with("updated_at", self.updated_at)
            .with("ended_at", self.ended_at)
            .with("expires_at", self.ended_at.map(|ended| ended + KEPT))
    }

    /// The instance in a document.
    pub fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        Self::from_fields(&document.fields)
    }

    /// The instance with these fields.
    pub fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let wrong = |field: &str, expected| MalformedDocument {
            field: field.to_owned(),
            expected,
        };
        // The rest is read by its kind.
        for field in ["steps", "failure", "state"] {
            if fields.get(field).is_some_and(Value::holds_foreign) {
                return Err(wrong(field, "without a value that was put there by hand"));
            }
        }
        let json = |field| fields.get(field).map(to_json);
        let steps: Vec<StepRecord> = json("steps")
            .and_then(|steps| serde_json::from_value(steps).ok())
            .ok_or_else(|| wrong("steps", "the steps of a process"))?;
        let failure: Option<Failed> = json("failure")
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| wrong("failure", "why a process failed"))?;
        let status = Status::parse(fields.text("status")?);
        let version = u32::try_from(fields.integer("version")?);
        Ok(Self {
            name: fields.text("name")?.to_owned(),
            version: version.map_err(|_| wrong("version", "a version"))?,
            instance: Instance {
                key: fields.text("key")?.to_owned(),
                status: status.ok_or_else(|| wrong("status", "a status"))?,
                state: json("state").ok_or_else(|| wrong("state", "a state"))?,
                steps,
                failure,
            },
            emitted: fields.count("emitted")?,
            wake_at: fields.optional_timestamp("wake_at")?,
            correlation_id: fields.optional_text("correlation_id")?.map(str::to_owned),
            started_at: fields.timestamp("started_at")?,
            updated_at: fields.timestamp("updated_at")?,
            ended_at: fields.optional_timestamp("ended_at")?,
        })
    }

    /// All of it as JSON, as `fanout processes show --json` prints it and golden files keep it.
    pub fn to_json(&self) -> Json {
        to_json(&Value::Map(self.to_fields()))
    }

    /// The instance in such JSON.
    pub fn from_json(json: &Json) -> Result<Self, MalformedDocument> {
        let Value::Map(mut fields) = to_value(json) else {
            return Self::from_fields(&Fields::new());
        };
        for name in ["wake_at", "started_at", "updated_at", "ended_at"] {
            let time = fields.optional_text(name)?.map(str::to_owned);
            if let Some(Ok(time)) = time.map(|time| time.parse::<Timestamp>()) {
                fields.set(name, time);
            }
        }
        Self::from_fields(&fields)
    }

    #[allow(clippy::modulo_one, reason = "there is one shard as yet")]
    fn wake_shard(&self) -> u64 {
        let digest = Sha256::digest(&self.instance.key);
        digest
            .first()
            .map_or(0, |byte| u64::from(*byte) % WAKE_SHARDS)
    }
}

/// These types have text keys only, and their numbers are finite.
fn json_of(value: &impl serde::Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It stops itself, and nothing that is read with it.
    #[test]
    fn a_process_that_somebody_has_changed_by_hand_says_in_which_field() {
        let now = Timestamp::UNIX_EPOCH;
        let stored = StoredProcess {
            name: "order".to_owned(),
            version: 1,
            instance: Instance {
                key: "ord_1".to_owned(),
                status: Status::Running,
                state: serde_json::json!({"total": 1}),
                steps: Vec::new(),
                failure: None,
            },
            emitted: 0,
            wake_at: Some(now),
            correlation_id: None,
            started_at: now,
            updated_at: now,
            ended_at: None,
        };
        let noted = stored.to_fields().with("note", Value::Foreign("bytes"));
        assert_eq!(
            StoredProcess::from_fields(&noted).unwrap().to_fields(),
            stored.to_fields()
        );
        for field in [
            "steps",
            "failure",
            "state",
            "key",
            "wake_at",
            "correlation_id",
        ] {
            let foreign = Value::Map(Fields::new().with("it", Value::Foreign("a reference")));
            let changed = stored.to_fields().with(field, foreign);
            let told = StoredProcess::from_fields(&changed).unwrap_err();
            assert_eq!(told.field, field);
        }
    }
}
