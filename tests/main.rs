//! Tests of the system as a whole. One binary, so that everything links once.

mod bad_input;
mod engines;
mod hand_typed;
mod once_per_consumer;
mod sign_up;
mod support;
