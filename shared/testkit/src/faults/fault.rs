//! What can go wrong with one call of a port.

use std::fmt;
use std::time::Duration;

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails before it takes effect.
    FailBefore,
    /// It fails at its very end, and is undone: a COMMIT that the disk does not take. The adapter
    /// below has to see to that, see [`super::is_undone`].
    Undone,
    /// It takes effect, and the answer is lost: the caller sees a failure.
    FailAfter,
    /// It takes no effect, and is never answered.
    SilentBefore,
    /// It takes effect, and is never answered.
    SilentAfter,
    /// The process ends before the call takes effect.
    CrashBefore,
    /// The process ends after the call took effect, before it knows.
    CrashAfter,
    /// The call is on its way for this long, then takes effect, whatever became of the caller
    /// meanwhile; if the caller still waits, it is answered.
    Delayed(Duration),
}

/// One call of a port, as a plan sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortCall {
    /// The port and the operation: `documents.commit`.
    pub operation: &'static str,
    /// What it is about, without personal data.
    pub detail: String,
    /// Whether it changes anything: without a change, before and after are the same.
    pub changes: bool,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The call's number, for [`FaultPlan::answered`].
    pub number: u64,
    /// What goes wrong, if anything.
    pub fault: Option<Fault>,
    /// How long the call is on its way to its effect.
    pub there: Duration,
    /// How long the answer is on its way back.
    pub back: Duration,
}

/// Says what happens to each call of each port. Also the place to write down what happened.
pub trait FaultPlan: Send + Sync + 'static {
    /// Called once before each call, in the order of the calls.
    fn decide(&self, process: &str, call: &PortCall) -> Decision;

    /// How a call was answered, if it was: `ok`, or the kind of its error.
    fn answered(&self, number: u64, answer: &str);
}

impl Fault {
    /// Whether the process ends.
    pub fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailBefore => out.write_str("fails before it takes effect"),
            Self::Undone => out.write_str("fails at its end, and is undone"),
            Self::FailAfter => out.write_str("takes effect, answer lost"),
            Self::SilentBefore => out.write_str("never answers, no effect"),
            Self::SilentAfter => out.write_str("takes effect, never answers"),
            Self::CrashBefore => out.write_str("CRASH before it takes effect"),
            Self::CrashAfter => out.write_str("CRASH after it took effect"),
            Self::Delayed(by) => write!(out, "takes effect {} s late", by.as_secs_f64()),
        }
    }
}
