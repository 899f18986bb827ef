//! Which call goes wrong, and how.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanout_testkit::faults::{Decision, Fault, FaultPlan, PortCall};

use super::sim::{DELIVERY, Sim};

/// Longer than an ack deadline, a redelivery's wait and a lease: what is this late arrives after
/// somebody else has taken over.
pub(crate) const LATE: Duration = Duration::from_secs(75);

/// Which calls go wrong.
#[derive(Clone, Debug)]
pub(crate) enum Faults {
    /// These, by number.
    Exactly(BTreeMap<u64, Fault>),
    /// Any, with this probability, until this time.
    AtRandom { chance: f64, until: Duration },
}

/// Carries out [`Faults`], numbers the calls and writes them into the trace.
pub(crate) struct Plan {
    sim: Arc<Sim>,
    faults: Faults,
    calls: AtomicU64,
    injected: AtomicU64,
    /// For each call whether it changes anything.
    seen: Mutex<Vec<bool>>,
}

impl Plan {
    pub(crate) fn new(sim: Arc<Sim>, faults: Faults) -> Self {
        Self {
            sim,
            faults,
            calls: AtomicU64::new(0),
            injected: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// How many faults were injected.
    pub(crate) fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    /// For each call, in order, whether it changes anything.
    pub(crate) fn take_seen(&self) -> Vec<bool> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn fault(&self, number: u64) -> Option<Fault> {
        match &self.faults {
            Faults::Exactly(faults) => faults.get(&number).copied(),
            Faults::AtRandom { chance, until } => {
                let dice = &self.sim.dice;
                let strikes = self.sim.now() < *until && dice.chance(*chance);
                strikes.then(|| {
                    dice.pick(&[
                        Fault::FailBefore,
                        Fault::FailAfter,
                        Fault::SilentBefore,
                        Fault::SilentAfter,
                        Fault::CrashBefore,
                        Fault::CrashAfter,
                        Fault::CrashAfter,
                        Fault::Delayed(dice.duration(2 * LATE)),
                    ])
                })
            }
        }
    }

    /// How long a call takes there and back. Chance lets calls that run at once overtake each other.
    fn latency(&self) -> (Duration, Duration) {
        match &self.faults {
            Faults::Exactly(_) => (Duration::from_millis(2), Duration::from_millis(1)),
            Faults::AtRandom { .. } => {
                let dice = &self.sim.dice;
                let most = Duration::from_millis(40);
                (dice.duration(most), dice.duration(most))
            }
        }
    }
}

impl FaultPlan for Plan {
    fn decide(&self, process: &str, call: &PortCall) -> Decision {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        self.seen.lock().unwrap().push(call.changes);
        let fault = self.fault(number);
        let (operation, detail) = (call.operation, &call.detail);
        match fault {
            None => self
                .sim
                .note(format_args!("#{number} {process} {operation} {detail}")),
            Some(fault) => {
                self.injected.fetch_add(1, Ordering::Relaxed);
                self.sim.note(format_args!(
                    "#{number} {process} {operation} {detail} [{fault}]"
                ));
                self.note_store_failure(call);
            }
        }
        let (there, back) = self.latency();
        Decision {
            number,
            fault,
            there,
            back,
        }
    }

    fn answered(&self, number: u64, answer: &str) {
        if answer != "ok" {
            self.sim
                .note(format_args!("#{number} is answered: {answer}"));
        }
    }
}

impl Plan {
    fn note_store_failure(&self, call: &PortCall) {
        let delivery = DELIVERY.try_with(|delivery| *delivery).ok();
        if let (Some(delivery), true) = (delivery, call.operation.starts_with("documents.")) {
            let mut facts = self.sim.facts();
            if let Some(delivery) = facts.deliveries.get_mut(&delivery) {
                delivery.store_failed = true;
            }
        }
    }
}
