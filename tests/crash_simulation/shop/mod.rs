//! The shop under crashes: orders, each seen through by a process, over services that reserve, charge
//! and ship; with a payment provider that keeps a ledger of its own.

pub(crate) mod end;
mod ledger;
mod orders;
pub(crate) mod provider;
mod rules;

pub(crate) use ledger::Ledger;
pub(crate) use orders::{Kind, body, first_stock};
pub(crate) use rules::Shop;
