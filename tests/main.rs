//! Tests of the system as a whole. One binary, so that everything links once.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod bad_input;
mod broker_conformance;
mod capacity;

mod collections;
mod contracts;
mod crash_simulation;
mod documents_on_firestore;
mod engines;
mod fuzz_corpus;
mod hand_typed;
mod hot_stock;
mod layers;
mod no_address_leaks;
mod once_per_consumer;
mod protocols;
mod push_auth;
mod query_plans;
mod search_index;
mod shop;
mod sign_up;
mod social;
mod support;
mod traces;
mod user_service;

/// As the two programs have it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
