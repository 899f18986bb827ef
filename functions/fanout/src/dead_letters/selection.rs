//! Which of the letters are meant.

use std::collections::BTreeMap;

use clap::Args;

use super::letter::DeadLetter;

/// Which of the letters are meant: one of these must be said.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Selection {
    /// The one with this event id or message id; repeat for several
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
    /// Those with this reason, as `list` shows it
    #[arg(long)]
    reason: Option<String>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Selection {
    /// Whether this letter is meant.
    pub(super) fn takes(&self, letter: &DeadLetter) -> bool {
        self.all
            || self.reason.as_ref() == Some(&letter.reason)
            || self.ids.iter().any(|id| letter.has_id(id))
    }

    /// What was asked for by name and is not among these letters.
    pub(super) fn missing(&self, letters: &[DeadLetter]) -> Option<String> {
        let absent = |id: &&String| !letters.iter().any(|letter| letter.has_id(id));
        let absent: Vec<&str> = self.ids.iter().filter(absent).map(String::as_str).collect();
        if !absent.is_empty() {
            return Some(format!("no dead letter with the id {}", absent.join(", ")));
        }
        let reason = self.reason.as_ref()?;
        let found = letters.iter().any(|letter| letter.reason == *reason);
        (!found).then(|| format!("no dead letter with the reason {reason}"))
    }
}

/// How many letters there are of each reason.
pub(super) fn by_reason(letters: &[DeadLetter]) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for letter in letters {
        *reasons.entry(letter.reason.clone()).or_default() += 1;
    }
    reasons
}

/// The same in words: `2 id_reused, 1 undecodable`.
pub(super) fn reasons_in_words(letters: &[DeadLetter]) -> String {
    let reasons = by_reason(letters);
    let words = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {}", crate::answer::printable(reason)));
    words.collect::<Vec<_>>().join(", ")
}
