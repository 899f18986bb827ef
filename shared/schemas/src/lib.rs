#![doc = include_str!("../README.md")]

mod compare;
mod dialect;
mod node;
mod rule;
mod rules_of_fields;
mod rules_of_values;
mod sides;

pub use compare::{Break, Side, breaks};
pub use dialect::{Fault, faults};
pub use rule::{RULES, Rule};
pub use sides::{X_FALLBACK, X_PERSONAL, personal_fields, reader, without_notes, writer};
