//! Google Firestore: the `Documents` port on its gRPC interface.
//!
//! The messages are built by hand and not through the `firestore` crate's own functions: those
//! know no commit of many writes with preconditions in one round trip.

mod conflict;
mod connect;
mod documents;
mod names;
mod queries;
mod status;
mod time_limit;
mod values;
mod writes;

pub use connect::{ConnectError, FirestoreOptions};
pub use documents::FirestoreDocuments;
