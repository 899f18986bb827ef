//! `operator.intervened`: an operator moved a process by hand.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `operator.intervened` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct OperatorIntervened {
    /// The process's name.
    pub process: String,
    /// The instance: its business key.
    pub key: String,
    /// What was asked for: `retry`, `skip`, `compensate` or `abandon`.
    pub verb: String,
    /// The step that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Why, in the operator's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub reason: Option<String>,
}

impl EventType for OperatorIntervened {
    const TYPE: &'static str = "operator.intervened";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/operator-intervened/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            process: data.identifier("process")?.to_owned(),
            key: data.identifier("key")?.to_owned(),
            verb: data.identifier("verb")?.to_owned(),
            step: data.optional_identifier("step")?.map(str::to_owned),
            reason: data.optional_text("reason")?.map(str::to_owned),
        })
    }
}
