//! Events of other producers: CloudEvents 1.0, in structured mode (the message is the event) and in
//! binary mode (its attributes are, and the data is only the data). Our own messages are in binary mode,
//! too, and their data is a whole envelope.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::attributes::CORRELATION_ID;
use crate::decode::{envelope_of, storable_time};
use crate::json_fields::JsonFields;
use crate::json_text::read_json;
use crate::{CE_TYPE, Data, DecodeError, Envelope, Event, Metadata, Received, WrongField};

/// The attributes of a message.
pub(crate) type Attributes = BTreeMap<String, String>;

const PREFIX: &str = "ce-";
const SPEC_VERSION: &str = "ce-specversion";
const STRUCTURED: &str = "application/cloudevents+json";

/// What an event without `dataschema` is taken for: the newest version of major 1.
const FIRST_MAJOR: &str = "1";

/// Whether a message is a CloudEvent by what its attributes say: a program made it, whatever its type.
pub fn is_cloud_event(attributes: &Attributes) -> bool {
    attributes.contains_key(CE_TYPE) || is_structured(attributes)
}

/// Whether the data is a CloudEvent in JSON. Media types have no case, and may have parameters.
pub(crate) fn is_structured(attributes: &Attributes) -> bool {
    let media = attributes.get("content-type").map(String::as_str);
    let media = media.and_then(|it| it.split(';').next()).map(str::trim);
    media.is_some_and(|it| it.eq_ignore_ascii_case(STRUCTURED))
}

/// Whether the attributes are a CloudEvent, of which the data is the data.
pub(crate) fn is_binary(attributes: &Attributes) -> bool {
    attributes.contains_key(SPEC_VERSION) && attributes.contains_key(CE_TYPE)
}

/// Whether an object is one of our envelopes, which no event's data looks like.
pub(crate) fn is_envelope(object: &Map<String, Value>) -> bool {
    object.contains_key("type") && object.contains_key("metadata")
}

/// The event of a message in structured mode.
pub(crate) fn structured(
    mut object: Map<String, Value>,
    received: &Received<'_>,
) -> Result<Event, DecodeError> {
    let data = match (object.remove("data"), object.remove("data_base64")) {
        (Some(data), _) => data,
        (None, Some(Value::String(text))) => {
            let bytes = STANDARD.decode(text);
            let wrong = |_| JsonFields::new("", &object).wrong("data_base64", "must be base64");
            read_json(&bytes.map_err(wrong)?)?
        }
        (None, Some(_)) => {
            return Err(JsonFields::new("", &object)
                .wrong("data_base64", "must be a string")
                .into());
        }
        (None, None) => {
            return Err(JsonFields::new("", &object)
                .wrong("data", "is missing")
                .into());
        }
    };
    let Value::Object(data) = data else {
        return Err(JsonFields::new("", &object)
            .wrong("data", "must be an object")
            .into());
    };
    Ok(event_of(&JsonFields::new("", &object), data, received)?)
}

/// The event of a message in binary mode.
pub(crate) fn binary(
    attributes: &Attributes,
    data: Map<String, Value>,
    received: &Received<'_>,
) -> Result<Event, DecodeError> {
    let context = attributes.iter().filter_map(|(name, value)| {
        let name = match name.strip_prefix(PREFIX) {
            Some(name) => name,
            None if name == CORRELATION_ID => "correlationid",
            None => return None,
        };
        Some((name.to_owned(), Value::from(value.as_str())))
    });
    let context: Map<String, Value> = context.collect();
    Ok(event_of(
        &JsonFields::new(PREFIX, &context),
        data,
        received,
    )?)
}

/// What the context attributes say. The message stands in for the time, 1 for the sequence, and for
/// nothing else.
fn event_of(
    context: &JsonFields<'_>,
    data: Map<String, Value>,
    received: &Received<'_>,
) -> Result<Event, WrongField> {
    if context.text("specversion")? != "1.0" {
        return Err(context.wrong("specversion", "must be 1.0"));
    }
    if is_envelope(&data) {
        return envelope_of(data);
    }
    let timestamp = match context.optional_text("time")? {
        Some(_) => context.parse("time", storable_time)?,
        None => received.publish_time,
    };
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(Envelope {
        id: context.identifier("id")?.to_owned(),
        event_type: context.identifier("type")?.to_owned(),
        source: context.identifier("source")?.to_owned(),
        subject: context.identifier("subject")?.to_owned(),
        sequence: sequence(context)?,
        timestamp,
        correlation_id: owned(context.link("correlationid")?),
        causation_id: owned(context.link("causationid")?),
        metadata: Metadata {
            version: major(context)?.to_owned(),
            schema: owned(context.optional_text("dataschema")?),
        },
        data: Data(data),
    })
}

/// CloudEvents writes it as a text, where it has one.
fn sequence(context: &JsonFields<'_>) -> Result<u64, WrongField> {
    match context.get("sequence") {
        None | Some(Value::Null) => Ok(1),
        Some(Value::String(text)) => {
            let mut read = Map::new();
            let number = text.parse::<u64>().map_or(Value::Null, Value::from);
            read.insert("sequence".to_owned(), number);
            let wrong = |_| context.wrong("sequence", "must be a whole number from 1, below 2^53");
            JsonFields::new("", &read).count("sequence").map_err(wrong)
        }
        Some(_) => context.count("sequence"),
    }
}

/// The major version that `dataschema` ends with; a version without a minor is read as the newest.
fn major<'a>(context: &JsonFields<'a>) -> Result<&'a str, WrongField> {
    let Some(schema) = context.optional_text("dataschema")? else {
        return Ok(FIRST_MAJOR);
    };
    let version = schema.rsplit_once("/v").map(|(_, version)| version);
    version
        .filter(|it| it.parse::<u32>().is_ok())
        .ok_or_else(|| context.wrong("dataschema", "must end with `/v` and the major version"))
}
