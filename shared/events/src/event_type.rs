//! What an event type is, and what a domain is: open sets, to which a file adds a member.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::shape::shape_of;
use crate::{DecodeError, Event, JsonFields, Metadata};

/// A type of event: the data that it carries, and how every version of that is read.
///
/// A type is one file of its domain and one line in the domain's `TYPES`. Its data serialises to
/// what new events carry, in version [`EventType::VERSION`].
pub trait EventType: Serialize + JsonSchema + Sized + Send + Sync + 'static {
    /// The name on the wire: a fact in the past tense or a request, dotted, such as `user.created`.
    const TYPE: &'static str;
    /// `MAJOR.MINOR` of new events. A higher minor only adds fields.
    const VERSION: &'static str;
    /// Where the schema of new events is published.
    const SCHEMA: &'static str;
    /// The domain that it belongs to, and with it the topic.
    const DOMAIN: &'static Domain;

    /// Reads the data of every version ever published, one upcasting step per version. Fields that
    /// it does not know are a later minor's, and left alone. A major that this build does not know
    /// is [`Version::unsupported`].
    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError>;

    /// The field of the data that repeats the event's subject, with its value. An event in which
    /// the two differ speaks of two things, and is refused.
    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        None
    }

    /// What the message's attribute `flow` says: subscriptions that want events of one flow only
    /// filter by it. Usually nothing.
    fn flow(&self) -> Option<&'static str> {
        None
    }

    /// Version and schema that new events of this type carry.
    fn metadata() -> Metadata {
        Metadata {
            version: Self::VERSION.to_owned(),
            schema: Some(Self::SCHEMA.to_owned()),
        }
    }
}

/// What one topic carries: the types of one domain.
#[derive(Debug)]
pub struct Domain {
    /// Its name, such as `user`.
    pub name: &'static str,
    /// The short name of its topic, such as `user-events`.
    pub topic: &'static str,
    /// All of its types.
    pub types: &'static [KnownType],
}

/// A type as it stands in its domain's list.
#[derive(Debug, Clone, Copy)]
pub struct KnownType {
    /// [`EventType::TYPE`]
    pub name: &'static str,
    /// [`EventType::VERSION`]
    pub version: &'static str,
    /// [`EventType::SCHEMA`]
    pub schema: &'static str,
    /// Whether an event can be read as this type.
    pub check: fn(&Event) -> Result<(), DecodeError>,
    /// [`EventType::flow`] of an event of this type.
    pub flow: fn(&Event) -> Result<Option<&'static str>, DecodeError>,
    /// The shape of new data, as a JSON Schema.
    pub shape: fn() -> Value,
}

impl KnownType {
    /// The entry of a type.
    pub const fn of<T: EventType>() -> Self {
        Self {
            name: T::TYPE,
            version: T::VERSION,
            schema: T::SCHEMA,
            check: |event| event.read::<T>().map(drop),
            flow: |event| event.read::<T>().map(|it| it.data.flow()),
            shape: shape_of::<T>,
        }
    }
}

impl Domain {
    /// The type of this name, if it is one of the domain's.
    pub fn find(&self, name: &str) -> Option<&'static KnownType> {
        self.types.iter().find(|known| known.name == name)
    }
}

/// The version of an event's data: `MAJOR.MINOR`, or `MAJOR` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// A higher one is read by upcasting.
    pub major: u32,
    /// A higher one only adds fields.
    pub minor: u32,
}

/// Not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be MAJOR.MINOR, such as 1.0")]
pub struct InvalidVersion;

impl Version {
    /// The version of an event of type `T`. A major alone, which is all that a CloudEvent says, is the
    /// newest that this build knows of it.
    pub(crate) fn read_as<T: EventType>(text: &str) -> Result<Self, InvalidVersion> {
        let version: Self = text.parse()?;
        let newest: Self = T::VERSION.parse()?;
        if text.contains('.') || version.major != newest.major {
            Ok(version)
        } else {
            Ok(newest)
        }
    }

    /// The error of an event of type `T` in this version, which this build cannot read.
    pub fn unsupported<T: EventType>(self) -> DecodeError {
        DecodeError::UnsupportedVersion {
            event_type: T::TYPE,
            version: self,
        }
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let number = |text: &str| text.parse().map_err(|_| InvalidVersion);
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}
