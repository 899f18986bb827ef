//! What the user sees: where everything is.
#![allow(clippy::print_stdout, reason = "this is what the command has to say")]

use std::time::Duration;

use super::system::System;
use crate::cli::{PUBSUB, USER, UpFlags};
use crate::consumers::CONSUMERS;

pub(super) fn print(system: &System, flags: &UpFlags, took: Duration) {
    let urls = system.urls();
    let show = |url: &str| url.replace("127.0.0.1", "localhost");
    let data = flags.data_dir.display();
    println!("\n  {:<18} {}/users", "user-service", show(urls.of(USER)));
    for consumer in &CONSUMERS {
        let service = format!("{}-service", consumer.name);
        println!(
            "  {service:<18} {}{}",
            show(urls.of(consumer.name)),
            consumer.look_at
        );
    }
    println!("  {:<18} {}/", "Pub/Sub REST", show(urls.of(PUBSUB)));
    let mails = match &system.mail().server {
        Some(server) => format!("go to {server}"),
        None => format!("are in {data}/mail"),
    };
    match system.emulators() {
        Some(at) => {
            println!(
                "\n  On Google's emulators: export PUBSUB_EMULATOR_HOST={} FIRESTORE_EMULATOR_HOST={}",
                at.pubsub, at.firestore
            );
            println!("  Mails {mails}.");
        }
        None => println!("\n  Everything is kept in {data}; mails {mails}."),
    }
    println!("  Ctrl-C stops.\n");
    println!("ready in {} ms", took.as_millis());
}

pub(super) fn print_stopping() {
    println!("stopping: requests under way are finished first");
}
