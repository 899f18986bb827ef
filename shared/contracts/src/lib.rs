#![doc = include_str!("../README.md")]

mod released;
pub mod user;

use fanout_events::{Domain, KnownType};

pub use released::{RELEASED, Released, newest_of_major, released};

/// All domains there are.
pub static DOMAINS: &[&Domain] = &[&user::DOMAIN];

/// The type of this name, whatever its domain.
pub fn find(event_type: &str) -> Option<&'static KnownType> {
    DOMAINS.iter().find_map(|domain| domain.find(event_type))
}
