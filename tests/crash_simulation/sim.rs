//! What all parts of one simulated world share: its time, its dice, its trace, and the facts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::dice::Dice;
use super::facts::Facts;

tokio::task_local! {
    /// The delivery that the current handler works on.
    pub(crate) static DELIVERY: u64;
}

pub(crate) struct Sim {
    pub(crate) epoch: Instant,
    pub(crate) dice: Dice,
    /// `None`: nothing is written down, which takes time. A case that fails is run again.
    trace: Option<Mutex<Vec<String>>>,
    facts: Mutex<Facts>,
}

impl Sim {
    /// A world that begins now.
    pub(crate) fn new(seed: u64, traced: bool) -> Self {
        Self {
            epoch: Instant::now(),
            dice: Dice::new(seed),
            trace: traced.then(Mutex::default),
            facts: Mutex::default(),
        }
    }

    /// Time since the world began.
    pub(crate) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Writes down a step.
    pub(crate) fn note(&self, step: std::fmt::Arguments<'_>) {
        if let Some(trace) = &self.trace {
            let line = format!("{:>12.3} s  {step}", self.now().as_secs_f64());
            lock(trace).push(line);
        }
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        lock(&self.facts)
    }

    /// A promise has been broken.
    pub(crate) fn violation(&self, what: String) {
        self.note(format_args!("VIOLATION: {what}"));
        self.facts().violations.push(what);
    }

    pub(crate) fn take_trace(&self) -> Vec<String> {
        let trace = self.trace.as_ref();
        trace.map_or_else(Vec::new, |trace| std::mem::take(&mut lock(trace)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
