#![doc = include_str!("../README.md")]

mod codec;
mod database;
mod documents;
mod ownership;
mod refusal;
mod select;

pub use database::{Database, DatabaseError};
pub use documents::SqliteDocuments;
