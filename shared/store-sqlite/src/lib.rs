#![doc = include_str!("../README.md")]

mod checkpoints;
mod codec;
mod commit;
mod database;
mod documents;
mod expressions;
mod ownership;
mod pace;
mod schema;
mod select;
mod tables;
mod worker;

pub use database::{Database, DatabaseError};
pub use documents::SqliteDocuments;
