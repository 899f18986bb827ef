//! `booking.made`: what the booking service publishes.

use fanout_events::{DecodeError, Domain, EventType, JsonFields, KnownType, Version};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::{Stay, Way};

/// The topic of what happens to bookings.
pub const BOOKING_EVENTS: &str = "booking-events";

static DOMAIN: Domain = Domain {
    name: "booking",
    topic: BOOKING_EVENTS,
    types: &[KnownType::of::<BookingMade>()],
};

/// The data of `booking.made` 1.x.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct BookingMade {
    /// The booking's id; the event's subject too.
    pub booking_id: String,
    /// Who does its work. Goes with the calls, when the move is over.
    #[schemars(with = "String")]
    #[serde(serialize_with = "as_stored")]
    pub done_by: Way,
    /// What is booked, since 1.1. Without it handlers ask the booking service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stay: Option<Stay>,
}

fn as_stored<S: Serializer>(way: &Way, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(way.as_str())
}

impl EventType for BookingMade {
    const TYPE: &'static str = "booking.made";
    const VERSION: &'static str = "1.1";
    const SCHEMA: &'static str = "https://schemas.example.com/booking-made/v1";
    const DOMAIN: &'static Domain = &DOMAIN;

    fn decode(data: &JsonFields<'_>, _: Version) -> Result<Self, DecodeError> {
        let way = data.text("done_by")?;
        let way = Way::from_stored(way).ok_or_else(|| data.wrong("done_by", "must be known"))?;
        let stay = data.get("stay").map(|_| data.object("stay")).transpose()?;
        let stay = stay.map(|stay| Stay::read(&JsonFields::new("data.stay.", stay)));
        Ok(Self {
            booking_id: data.identifier("booking_id")?.to_owned(),
            done_by: way,
            stay: stay.transpose()?,
        })
    }

    fn repeats_subject(&self) -> Option<(&'static str, &str)> {
        Some(("booking_id", &self.booking_id))
    }
}
