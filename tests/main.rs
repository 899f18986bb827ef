//! Tests of the system as a whole. One binary, so that everything links once.

mod bad_input;
mod documents_on_firestore;
mod engines;
mod hand_typed;
mod once_per_consumer;
mod push_auth;
mod sign_up;
mod support;
