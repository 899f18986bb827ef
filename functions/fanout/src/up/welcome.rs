//! What the user sees: where everything is.

use std::io::{Write, stderr, stdout};
use std::time::Duration;

use fanout_runtime::LogFormat;
use tracing::info;

use super::system::System;
use crate::cli::{CONSOLE, PUBSUB, UpFlags};

/// A line for the user. A reader who has gone away is no reason to stop serving, nor to stop without
/// draining, which is what `println!` would do.
macro_rules! say {
    ($out:ident, $($line:tt)*) => {
        writeln!($out, $($line)*).ok()
    };
}

/// Standard output, unless that is for logs.
fn out(flags: &UpFlags) -> Box<dyn Write> {
    match flags.log {
        LogFormat::Text => Box::new(stdout()),
        LogFormat::Json => Box::new(stderr()),
    }
}

pub(super) fn print(system: &System, flags: &UpFlags, took: Duration) {
    let (urls, mut out) = (system.urls(), out(flags));
    if flags.log == LogFormat::Json {
        for (name, url) in urls.all() {
            info!(name, url, "listening");
        }
        info!(took_ms = took.as_millis() as u64, "ready");
    }
    let show = |url: &str| url.replace("127.0.0.1", "localhost");
    let data = flags.data_dir.display();
    say!(out, "");
    for spec in flags.systems.roles() {
        let url = show(urls.of(spec.short_name()));
        say!(out, "  {:<18} {url}{}", spec.name, spec.look_at);
    }
    say!(out, "  {:<18} {}/", "Pub/Sub REST", show(urls.of(PUBSUB)));
    if !urls.of(CONSOLE).is_empty() {
        say!(out, "  {:<18} {}/", "console", show(urls.of(CONSOLE)));
    }
    let notes = system.notes().join("; ");
    match system.emulators().and_then(|it| it.emulators.as_ref()) {
        Some(at) => {
            let (pubsub, firestore) = (&at.pubsub, &at.firestore);
            say!(
                out,
                "\n  On Google's emulators: export PUBSUB_EMULATOR_HOST={pubsub} FIRESTORE_EMULATOR_HOST={firestore}\n  Here {notes}."
            );
        }
        None => {
            say!(out, "\n  Everything is kept in {data}; {notes}.");
        }
    }
    say!(out, "  Ctrl-C stops.\n");
    say!(out, "ready in {} ms", took.as_millis());
}

pub(super) fn print_stopping(flags: &UpFlags) {
    let mut out = out(flags);
    if flags.log == LogFormat::Json {
        info!("stopping");
    }
    say!(
        out,
        "stopping: requests under way are finished first; Ctrl-C again does not wait for them"
    );
}
