//! The shop under crashes: orders, each seen through by a process, over services that reserve, charge
//! and ship; with a payment provider that keeps a ledger of its own, with operators, and with deploys
//! that mix versions of the process.

pub(crate) mod commit;
pub(crate) mod deploys;
pub(crate) mod end;
mod ledger;
mod orders;
mod process_rules;
pub(crate) mod provider;
mod rules;
mod words;

pub(crate) use deploys::Build;
pub(crate) use ledger::Ledger;
pub(crate) use orders::{Kind, body, first_stock};
pub(crate) use rules::Shop;
pub(crate) use words::Word;
