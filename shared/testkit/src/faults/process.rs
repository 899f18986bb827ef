//! What a crash ends.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// One life of one instance of a service. A crash drops everything that runs in it.
#[derive(Debug)]
pub struct Process {
    name: String,
    crashed: AtomicBool,
    /// Wakes in the order of waiting; a `watch` channel would wake in an order of its own choosing.
    ended: Notify,
}

impl Process {
    /// A process that lives.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            crashed: AtomicBool::new(false),
            ended: Notify::new(),
        }
    }

    /// Its name, for the trace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends it: futures in [`Process::run`] are dropped when they would be polled next, and port
    /// calls of tasks that it started otherwise never go on.
    pub fn crash(&self) {
        self.crashed.store(true, Ordering::SeqCst);
        self.ended.notify_waiters();
    }

    /// Whether it has ended.
    pub fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// Runs the future in this process; `None` if the process ends first.
    pub async fn run<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut ended = pin!(self.ended.notified());
        // From here on no end is missed.
        ended.as_mut().enable();
        if self.has_crashed() {
            return None;
        }
        tokio::select! {
            biased;
            () = ended => None,
            output = future => Some(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crash_ends_what_runs_and_what_would_run() {
        let process = Process::new("p");
        assert_eq!(process.run(async { 1 }).await, Some(1));
        let crashes = async {
            process.crash();
            std::future::pending::<()>().await;
        };
        assert_eq!(process.run(crashes).await, None);
        assert!(process.has_crashed());
        assert_eq!(process.run(async { 1 }).await, None);
    }
}
