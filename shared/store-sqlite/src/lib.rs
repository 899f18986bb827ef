#![doc = include_str!("../README.md")]

mod codec;
mod commit;
mod database;
mod documents;
mod expressions;
mod ownership;
mod schema;
mod select;
mod tables;
mod worker;

pub use database::{Database, DatabaseError};
pub use documents::SqliteDocuments;
