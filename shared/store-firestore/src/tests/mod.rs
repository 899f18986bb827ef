//! What a stand-in for Firestore answers, or does not, and what comes of it.

mod answers;
mod broken_connections;
pub(crate) mod stand_in;
