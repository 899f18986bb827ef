//! Figures, and what to show of a case that failed.

use std::fmt;

use super::world::Ran;

/// What many cases came to.
#[derive(Default, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) cases: u64,
    pub(crate) calls: u64,
    pub(crate) faults: u64,
    pub(crate) violations: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, ran: &Ran) {
        self.cases += 1;
        self.calls += ran.calls.len() as u64;
        self.faults += ran.faults;
        self.violations += ran.violations.len() as u64;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cases,
            calls,
            faults,
            violations,
        } = self;
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
