#![doc = include_str!("../README.md")]

mod conflict;
mod connect;
mod connection;
mod documents;
mod names;
mod queries;
mod status;
mod time_limit;
mod values;
mod writes;

#[cfg(test)]
mod tests;

pub use connect::{ConnectError, FirestoreOptions};
pub use documents::FirestoreDocuments;
