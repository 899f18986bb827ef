//! Figures, and what to show of a case that failed.

use std::fmt;

use super::world::{Case, Ran};

/// What many cases came to.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) cases: u64,
    pub(crate) calls: u64,
    pub(crate) faults: u64,
    pub(crate) violations: u64,
    /// The first case that failed, as it is to be shown.
    pub(crate) failure: Option<String>,
}

impl Figures {
    /// Adds a case that ran; `replay` is the command that shows it again.
    pub(crate) fn add(&mut self, case: &Case, ran: &Ran, replay: impl FnOnce() -> String) {
        self.cases += 1;
        self.calls += ran.calls.len() as u64;
        self.faults += ran.faults;
        self.violations += ran.violations.len() as u64;
        if !ran.violations.is_empty() && self.failure.is_none() {
            self.failure = Some(failure(&replay(), &case.run_traced()));
        }
    }

    /// Adds the figures of later cases.
    pub(crate) fn merge(mut self, later: Self) -> Self {
        self.cases += later.cases;
        self.calls += later.calls;
        self.faults += later.faults;
        self.violations += later.violations;
        self.failure = self.failure.or(later.failure);
        self
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cases, calls) = (self.cases, self.calls);
        let (faults, violations) = (self.faults, self.violations);
        write!(
            out,
            "{cases} cases, {calls} port calls, {faults} faults injected, {violations} violations"
        )
    }
}

/// Everything that is needed to understand a failure and to see it again.
pub(crate) fn failure(replay: &str, ran: &Ran) -> String {
    let violations = ran.violations.join("\n  ");
    let trace = ran.trace.join("\n");
    format!("\n{trace}\n\nbroken promises:\n  {violations}\n\nsee it again with\n  {replay}\n")
}

/// The command that replays a case; `which` sets the variable that names it.
pub(crate) fn command(which: &str) -> String {
    let test = "cargo test -p fanout-tests --test all crash_simulation::replay -- --nocapture";
    format!("{which} {test}")
}
