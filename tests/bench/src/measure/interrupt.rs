//! What runs, so that Ctrl-C leaves nothing of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

/// The process groups that this benchmark has started and not ended.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Ctrl-C, and being asked to end.
pub(crate) struct Interrupt;

impl Interrupt {
    /// From now on either ends this process, with all that it has started.
    pub(crate) fn leaves_nothing_running() -> anyhow::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build()?;
        let waiting = std::thread::Builder::new().name("interrupt".to_owned());
        let signals = {
            let _entered = runtime.enter();
            [SignalKind::interrupt(), SignalKind::terminate()].map(signal)
        };
        let [interrupt, terminate] = signals;
        let (mut interrupt, mut terminate) = (interrupt?, terminate?);
        waiting
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                });
                // Held until the end: nothing more is started.
                let running = running();
                for group in running.iter() {
                    end(*group);
                }
                eprintln!("\nbench: interrupted; {} processes ended", running.len());
                std::process::exit(INTERRUPTED);
            })
            .context("no thread can be started")?;
        Ok(())
    }

    /// Starts a process group by `start`, and remembers it.
    pub(crate) fn starting<T>(
        start: impl FnOnce() -> anyhow::Result<(T, Pid)>,
    ) -> anyhow::Result<T> {
        let mut running = running();
        let (started, group) = start()?;
        running.push(group);
        Ok(started)
    }

    /// Ends a process group, and forgets it.
    pub(crate) fn ended(group: Pid) {
        end(group);
        running().retain(|other| *other != group);
    }
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(group: Pid) {
    // It fails only if none of the group is left.
    let _ = kill_process_group(group, Signal::KILL);
}
