//! What came of a redrive.

use std::fmt::Write as _;

use serde::Serialize;

use super::letter::{DeadLetter, LetterName};
use super::list_letters::letters;
use super::push_to_consumer::Pushed;
use crate::answer::printable;

/// How many failures the text shows.
const FAILURES_SHOWN: usize = 10;

/// What came of a redrive, letter by letter.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) consumer: String,
    pub(super) selected: usize,
    pub(super) done: usize,
    pub(super) duplicate: usize,
    pub(super) ignored: usize,
    pub(super) stale: usize,
    pub(super) parked_again: usize,
    pub(super) busy: usize,
    pub(super) failed: usize,
    pub(super) not_redriven: usize,
    /// There are more letters than were looked at.
    pub(super) more: bool,
    pub(super) failures: Vec<FailedLetter>,
}

/// A letter that still fails.
#[derive(Debug, Serialize)]
pub(super) struct FailedLetter {
    #[serde(flatten)]
    letter: LetterName,
    why: String,
}

impl Summary {
    /// Counts a letter that was pushed.
    pub(super) fn count(&mut self, letter: &DeadLetter, pushed: Pushed) {
        self.not_redriven = self.not_redriven.saturating_sub(1);
        let counter = match &pushed {
            Pushed::Done => &mut self.done,
            Pushed::Duplicate => &mut self.duplicate,
            Pushed::Ignored => &mut self.ignored,
            Pushed::Stale => &mut self.stale,
            Pushed::ParkedAgain => &mut self.parked_again,
            Pushed::Busy => &mut self.busy,
            Pushed::Failed(_) => &mut self.failed,
        };
        *counter += 1;
        if let Pushed::Failed(why) = pushed {
            self.failures.push(FailedLetter {
                letter: letter.name(),
                why,
            });
        }
    }

    /// Whether every letter that was meant has left the dead-letter topic for good.
    pub(super) fn all_is_well(&self) -> bool {
        self.parked_again + self.busy + self.failed + self.not_redriven == 0
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{}: {} to redrive\n", self.consumer, letters(self.selected));
        let lines = [
            ("done", self.done, ""),
            (
                "duplicate",
                self.duplicate,
                "the effect had been made before",
            ),
            ("ignored", self.ignored, "of a type that it has no use for"),
            ("stale", self.stale, "a later event had been applied before"),
            (
                "parked again",
                self.parked_again,
                "a new copy lies on the dead-letter topic",
            ),
            (
                "busy",
                self.busy,
                "an instance is at work on it: redrive again in a minute",
            ),
            (
                "still failing",
                self.failed,
                "left on the dead-letter topic",
            ),
            (
                "not redriven",
                self.not_redriven,
                "left on the dead-letter topic",
            ),
        ];
        for (name, count, meaning) in lines {
            if count > 0 {
                let line = format!("  {name:<14} {count:>5}  {meaning}");
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        for failure in self.failures.iter().take(FAILURES_SHOWN) {
            let id = printable(&failure.letter.event_id);
            let _ = writeln!(text, "  {id}: {}", printable(&failure.why));
        }
        if self.more {
            text.push_str("  there are more: do it again for those\n");
        }
        text
    }
}
