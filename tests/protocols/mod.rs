//! Once per consumer and event: each promise of the protocols by itself.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

mod boot_check;
mod consumers;
mod contention;
mod delivered;
mod every_consumer;
mod expiry;
mod fencing;
mod keys;
mod lost_answers;
mod mail_records;
mod mailbox;
mod meanwhile;
mod order;
mod outside_effects;
mod parking;
mod scene;
mod smtp;
mod store_effects;
