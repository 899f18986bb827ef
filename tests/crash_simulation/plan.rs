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

/// Calls whose effect is outside the store.
const OUTSIDE: [&str; 4] = [
    "mailer.send",
    "printer.print",
    "provider.capture",
    "provider.take_back",
];

/// Which calls go wrong.
#[derive(Clone, Debug)]
pub(crate) enum Faults {
    /// These, by number.
    Exactly(BTreeMap<u64, Fault>),
    /// Any, with this probability, for so long at first and in the steps that come after.
    AtRandom {
        chance: f64,
        at_first: Duration,
        afterwards: Duration,
        /// How long a call that goes well is on its way at most, there and back each. Chance lets
        /// calls that run at once overtake each other.
        latency: Duration,
    },
}

/// A call as the next fault is chosen by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SeenCall {
    /// Whether it changes anything.
    pub(crate) changes: bool,
    /// A read that its process has just asked for at the same moment, as the relay asks all shards:
    /// what becomes of one becomes of all.
    pub(crate) repeats: bool,
}

/// Carries out [`Faults`], numbers the calls and writes them into the trace.
pub(crate) struct Plan {
    sim: Arc<Sim>,
    faults: Faults,
    /// From when on nothing goes wrong any more, of faults at random.
    until: Mutex<Duration>,
    calls: AtomicU64,
    injected: AtomicU64,
    seen: Mutex<Vec<SeenCall>>,
    last: Mutex<Option<(Duration, String, PortCall)>>,
}

impl Plan {
    pub(crate) fn new(sim: Arc<Sim>, faults: Faults) -> Self {
        let until = match &faults {
            Faults::Exactly(_) => Duration::ZERO,
            Faults::AtRandom { at_first, .. } => *at_first,
        };
        Self {
            sim,
            faults,
            until: Mutex::new(until),
            calls: AtomicU64::new(0),
            injected: AtomicU64::new(0),
            seen: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// How many faults were injected.
    pub(crate) fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    /// Each call, in order.
    pub(crate) fn take_seen(&self) -> Vec<SeenCall> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// One of the steps begins that come after.
    pub(crate) fn step_begins(&self) {
        if let Faults::AtRandom { afterwards, .. } = &self.faults {
            *self.until.lock().unwrap() = self.sim.now() + *afterwards;
        }
    }

    /// From when on nothing goes wrong any more, as far as chance is concerned.
    pub(crate) fn calm_since(&self) -> Duration {
        *self.until.lock().unwrap()
    }

    fn fault(&self, number: u64, call: &PortCall) -> Option<Fault> {
        match &self.faults {
            Faults::Exactly(faults) => faults.get(&number).copied(),
            Faults::AtRandom { chance, .. } => {
                let dice = &self.sim.dice;
                // The world outside is the least reliable part, if there is any that is not.
                let is_outside = OUTSIDE.contains(&call.operation) && *chance > 0.0;
                let chance = if is_outside { 0.3 } else { *chance };
                let strikes = self.sim.now() < self.calm_since() && dice.chance(chance);
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

    /// How long a call takes there and back.
    fn latency(&self) -> (Duration, Duration) {
        match &self.faults {
            Faults::Exactly(_) => (Duration::from_millis(2), Duration::from_millis(1)),
            Faults::AtRandom { latency, .. } => {
                let dice = &self.sim.dice;
                (dice.duration(*latency), dice.duration(*latency))
            }
        }
    }

    fn see(&self, process: &str, call: &PortCall) {
        let this = (self.sim.now(), process.to_owned(), call.clone());
        let mut last = self.last.lock().unwrap();
        let repeats = !call.changes && last.as_ref() == Some(&this);
        *last = Some(this);
        let changes = call.changes;
        self.seen
            .lock()
            .unwrap()
            .push(SeenCall { changes, repeats });
    }
}

impl FaultPlan for Plan {
    fn decide(&self, process: &str, call: &PortCall) -> Decision {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        self.see(process, call);
        // A commit that fails does so as late as it can.
        let fault = self.fault(number, call).map(|fault| match fault {
            Fault::FailBefore if call.operation == "documents.commit" => Fault::Undone,
            other => other,
        });
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
