//! The `fanout` command: the whole system on one machine, and what an operator asks of it anywhere.

pub mod answer;
mod ask_service;
pub mod capacity;
pub mod cli;
pub mod completions;
mod console;
pub mod dead_letters;
pub mod doctor;
pub mod google_api;
pub mod google_emulators;
pub mod iam_credentials;
pub mod ledger;
pub mod manifest;
pub mod monitoring;
pub mod new_service;
pub mod operator;
pub mod processes;
pub mod projections;
pub mod publish;
pub mod pubsub_rest;
pub mod replay;
pub mod schema;
pub mod status;
pub mod stock;
pub mod target;
pub mod trace;
pub mod up;
