#![doc = include_str!("../README.md")]

pub mod account;
mod currency;
pub mod inventory;
pub mod mail;
mod money;
pub mod operator;
pub mod order;
pub mod payment;
pub mod post;
mod product_lines;
mod released;
pub mod shipping;
pub mod user;

use fanout_events::{Domain, KnownType};

pub use currency::{Currency, UnknownCurrency};
pub use money::{InvalidMoney, Money};
pub use product_lines::{MOST_LINES, ProductLine};
pub use released::{RELEASED, Released, newest_of_major, released};

/// All domains there are.
pub static DOMAINS: &[&Domain] = &[
    &user::DOMAIN,
    &order::DOMAIN,
    &inventory::DOMAIN,
    &payment::DOMAIN,
    &shipping::DOMAIN,
    &mail::DOMAIN,
    &operator::DOMAIN,
    &account::DOMAIN,
    &post::DOMAIN,
];

/// The type of this name, whatever its domain.
pub fn find(event_type: &str) -> Option<&'static KnownType> {
    DOMAINS.iter().find_map(|domain| domain.find(event_type))
}
