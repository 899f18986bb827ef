//! A domain and two services that only the simulation has, because no service of the system emits
//! yet. The club notes each event of a user among those of the user's membership, and asks for a card
//! when the user is new. The desk prints the card, and says so.
//!
//! So a chain of three events hangs on each sign-up: an ordered fact about a subject of the club's
//! own, whose place depends on what the store holds; a request without an ordering key, about that
//! same subject; and a fact that is emitted when an outside effect is complete.

mod desk;
mod membership;
mod printer;

use axum::Router;
use fanout_consume::{Consumer, ConsumerDeps, push_route};
use fanout_contracts::user::{UserCreated, UserDeleted, UserUpdated};
use fanout_events::{DecodeError, Domain, EventType, JsonFields, KnownType, Version};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) use desk::{CARDS, NOTES};
pub(crate) use printer::Printer;

use desk::{CountNote, PrintCard};
use membership::{FileCard, NoteMembership};

/// The club's name among consumers.
pub(crate) const CLUB: &str = "club";
/// The desk's.
pub(crate) const DESK: &str = "desk";
/// The event types that the club wants.
pub(crate) const CLUB_HANDLES: &[&str] = &[
    UserCreated::TYPE,
    UserUpdated::TYPE,
    UserDeleted::TYPE,
    CardPrinted::TYPE,
];
/// The event types that the desk wants.
pub(crate) const DESK_HANDLES: &[&str] = &[MembershipNoted::TYPE, CardRequested::TYPE];
/// The domain's topic.
pub(crate) const CLUB_EVENTS: &str = "club-events";

static DOMAIN: Domain = Domain {
    name: "club",
    topic: CLUB_EVENTS,
    types: &[
        KnownType::of::<MembershipNoted>(),
        KnownType::of::<CardRequested>(),
        KnownType::of::<CardPrinted>(),
    ],
};

macro_rules! event_type {
    ($(#[$doc:meta])* $name:ident, $text:literal, $field:ident) => {
        $(#[$doc])*
        #[derive(JsonSchema, Serialize)]
        pub(crate) struct $name {
            pub(crate) $field: String,
        }

        impl EventType for $name {
            const TYPE: &'static str = $text;
            const VERSION: &'static str = "1.0";
            const SCHEMA: &'static str = concat!("https://schemas.example.com/", $text, "/v1");
            const DOMAIN: &'static Domain = &DOMAIN;

            fn decode(data: &JsonFields<'_>, _: Version) -> Result<Self, DecodeError> {
                let $field = data.identifier(stringify!($field))?.to_owned();
                Ok(Self { $field })
            }
        }
    };
}

event_type!(
    /// One more event of a user has come: a fact about the user's membership.
    MembershipNoted, "membership.noted", user_id
);
event_type!(
    /// A new user wants a card: a request, which waits for nothing.
    CardRequested, "card.requested", user_id
);
event_type!(
    /// A card has been printed: a fact about that card.
    CardPrinted, "card.printed", number
);

/// The club's routes.
pub(crate) fn club(deps: ConsumerDeps) -> Router {
    let club = Consumer::named(CLUB)
        .on::<UserCreated>(NoteMembership)
        .on::<UserUpdated>(NoteMembership)
        .on::<UserDeleted>(NoteMembership)
        .on::<CardPrinted>(FileCard);
    push_route(club, deps)
}

/// The desk's routes.
pub(crate) fn desk(deps: ConsumerDeps, printer: Printer) -> Router {
    let desk = Consumer::named(DESK)
        .on::<MembershipNoted>(CountNote)
        .acting_on::<CardRequested>(PrintCard { printer });
    push_route(desk, deps)
}

/// The subject that the club numbers, of a user's membership.
pub(crate) fn membership_of(user_id: &str) -> String {
    format!("mem_{user_id}")
}
