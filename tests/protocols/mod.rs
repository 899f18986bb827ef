//! Once per consumer and event: each promise of the protocols by itself.

mod boot_check;
mod consumers;
mod delivered;
mod every_consumer;
mod expiry;
mod fencing;
mod keys;
mod mailbox;
mod order;
mod outside_effects;
mod parking;
mod scene;
mod store_effects;
