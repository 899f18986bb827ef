//! What became of letters and events that were pushed to a consumer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::answer::printable;

/// How many failures are named.
const MOST_FAILURES: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    Duplicate,
    Ignored,
    Stale,
    Parked,
    Busy,
    Failed,
    NotPushed,
    NotHeld,
    Waiting,
    Skipped,
    TooOld,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcomes {
    pub(crate) outcomes: BTreeMap<Outcome, usize>,
    /// The first of those that failed, with the reason.
    pub(crate) failures: Vec<String>,
    /// Who looks on.
    #[serde(skip)]
    pub(crate) progress: Option<watch::Sender<BTreeMap<Outcome, usize>>>,
}

impl Outcome {
    /// Its name for people, and what it means.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Done => ("done", ""),
            Self::Duplicate => ("duplicate", "the effect had been made before"),
            Self::Ignored => ("ignored", "of a type that it has no use for"),
            Self::Stale => ("stale", "a later event had been applied before"),
            Self::Parked => ("parked", "a new copy lies on the dead-letter topic"),
            Self::Busy => ("busy", "an instance is at work on it: again in a minute"),
            Self::Failed => ("failed", "again when the cause is mended"),
            Self::NotPushed => ("not pushed", "left on the dead-letter topic"),
            Self::NotHeld => ("not there", "gone by now, or another command holds it"),
            Self::Waiting => ("waiting", "not pushed: it waits in the outbox"),
            Self::Skipped => ("skipped", "not pushed: an operator gave it up"),
            Self::TooOld => ("too old", "not pushed: its mark may be gone"),
        }
    }

    /// Whether the consumer is done with it.
    pub(crate) fn is_settled(self) -> bool {
        match self {
            Self::Done | Self::Duplicate | Self::Ignored | Self::Stale | Self::Parked => true,
            Self::Busy | Self::Failed | Self::NotPushed | Self::NotHeld => false,
            Self::Waiting | Self::Skipped | Self::TooOld => false,
        }
    }
}

impl Outcomes {
    pub(crate) fn count(&mut self, outcome: Outcome, many: usize) {
        if many > 0 {
            *self.outcomes.entry(outcome).or_default() += many;
            if let Some(progress) = &self.progress {
                progress.send_replace(self.outcomes.clone());
            }
        }
    }

    pub(crate) fn pushed(&mut self, id: &str, outcome: Outcome, why: Option<String>) {
        self.count(outcome, 1);
        if let Some(why) = why.filter(|_| self.failures.len() < MOST_FAILURES) {
            self.failures.push(format!("{id}: {why}"));
        }
    }

    pub(crate) fn all_is_well(&self) -> bool {
        use Outcome::{Busy, Failed, NotHeld, NotPushed, Parked};
        let left = [Parked, Busy, Failed, NotPushed, NotHeld];
        !left.iter().any(|it| self.outcomes.contains_key(it))
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (outcome, count) in &self.outcomes {
            let (name, meaning) = outcome.words();
            let line = format!("  {name:<10} {count:>6}  {meaning}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for failure in &self.failures {
            let _ = writeln!(text, "  {}", printable(failure));
        }
        text
    }
}
