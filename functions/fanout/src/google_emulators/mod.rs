//! Google's Pub/Sub and Firestore emulators: found in an installed Google Cloud SDK, started as
//! processes of ours, gone with us.

mod java_process;
mod locate;
mod start;

#[cfg(test)]
mod tests;

pub use locate::{NotInstalled, Sdk, locate};
pub use start::{Emulators, start};
