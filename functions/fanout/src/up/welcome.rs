//! What the user sees: where everything is.

use std::io::{Write, stdout};
use std::time::Duration;

use super::system::System;
use crate::cli::{PUBSUB, USER, UpFlags};
use crate::consumers::CONSUMERS;

/// A line for the user. That nobody reads any more is no reason to stop serving, nor to stop
/// without draining, which is what `println!` would do.
macro_rules! say {
    ($($line:tt)*) => {
        writeln!(stdout(), $($line)*).ok()
    };
}

pub(super) fn print(system: &System, flags: &UpFlags, took: Duration) {
    let urls = system.urls();
    let show = |url: &str| url.replace("127.0.0.1", "localhost");
    let data = flags.data_dir.display();
    say!("\n  {:<18} {}/users", "user-service", show(urls.of(USER)));
    for consumer in CONSUMERS {
        let service = format!("{}-service", consumer.name);
        say!(
            "  {service:<18} {}{}",
            show(urls.of(consumer.name)),
            consumer.look_at
        );
    }
    say!("  {:<18} {}/", "Pub/Sub REST", show(urls.of(PUBSUB)));
    let mails = match &system.mail().server {
        Some(server) => format!("go to {server}"),
        None => format!("are in {data}/mail"),
    };
    match system.emulators() {
        Some(at) => {
            say!(
                "\n  On Google's emulators: export PUBSUB_EMULATOR_HOST={} FIRESTORE_EMULATOR_HOST={}",
                at.pubsub,
                at.firestore
            );
            say!("  Mails {mails}.");
        }
        None => {
            say!("\n  Everything is kept in {data}; mails {mails}.");
        }
    }
    say!("  Ctrl-C stops.\n");
    say!("ready in {} ms", took.as_millis());
}

pub(super) fn print_stopping() {
    say!("stopping: requests under way are finished first; Ctrl-C again does not wait for them");
}
