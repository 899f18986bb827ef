//! The process's wish to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// What a shell reports of a program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// The process's wish to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Stops with Ctrl-C (SIGINT), SIGTERM, or when the terminal goes away (SIGHUP). A Ctrl-C after
    /// that ends the process at once, with nothing finished: a user who presses it twice means it.
    pub fn on_signal() -> Self {
        let shutdown = Self::default();
        let trigger = shutdown.clone();
        tokio::spawn(async move {
            let mut interrupt = watch(SignalKind::interrupt(), "Ctrl-C");
            let mut terminate = watch(SignalKind::terminate(), "SIGTERM");
            let hang_up = || watch(SignalKind::hangup(), "SIGHUP");
            let mut hang_up = (!outlives_its_terminal()).then(hang_up).flatten();
            tokio::select! {
                () = next(&mut interrupt) => {}
                () = next(&mut terminate) => {}
                () = next(&mut hang_up) => {}
            }
            trigger.start();
            // Ctrl-C only: a supervisor may repeat its SIGTERM.
            next(&mut interrupt).await;
            std::process::exit(INTERRUPTED);
        });
        shutdown
    }

    /// Asks everything that holds a clone to stop.
    pub fn start(&self) {
        self.0.cancel();
    }

    /// Returns once stopping was asked for.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// From here on the signal is noticed, also between two looks.
fn watch(kind: SignalKind, name: &str) -> Option<Signal> {
    signal(kind)
        .inspect_err(
            |error| warn!(%error, "{name} cannot be watched; it ends this process at once"),
        )
        .ok()
}

/// Whether `nohup` started the process, which sets SIGHUP aside. Linux says so in a mask.
fn outlives_its_terminal() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SIGHUP != 0)
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
