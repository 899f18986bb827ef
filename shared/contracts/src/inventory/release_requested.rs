//! `inventory.release_requested`: the request to undo a reservation, whether or not it was made.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, OfStep, StepRef, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The data of `inventory.release_requested` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ReleaseRequested {
    /// The order.
    pub order_id: String,
    /// The step that is asked for, or answered.
    pub step: StepRef,
}

impl EventType for ReleaseRequested {
    const TYPE: &'static str = "inventory.release_requested";
    const VERSION: &'static str = "1.0";
    const SCHEMA: &'static str = "https://schemas.example.com/inventory-release-requested/v1";
    const DOMAIN: &'static Domain = &super::DOMAIN;

    fn decode(data: &JsonFields<'_>, version: Version) -> Result<Self, DecodeError> {
        if version.major != 1 {
            return Err(version.unsupported::<Self>());
        }
        Ok(Self {
            order_id: data.identifier("order_id")?.to_owned(),
            step: StepRef::read(data)?,
        })
    }
}

impl OfStep for ReleaseRequested {
    fn step(&self) -> &StepRef {
        &self.step
    }
}
