//! `fanout` as its users meet it: a process, and the words of the README.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod bank;
mod cloud;
mod command;
mod completions;
mod console;
mod dead_letters;
mod doctor;
mod emulators;
mod feed;
mod gcloud;
mod grpc;
mod guarded;
mod logging;
mod metrics;
mod operated;
mod pages;
mod publish;
mod readme;
mod redrive;
mod replay;
mod running;
mod schema;
mod shop;
mod shop_killed;
mod skipping;
mod status;
mod stock;
mod stopping;
mod trace;
