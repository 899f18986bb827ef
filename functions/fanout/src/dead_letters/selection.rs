//! Which of the letters are meant.

use std::collections::BTreeMap;

use clap::Args;

use super::hold::{Held, hold};
use super::letter::DeadLetter;
use super::{Interrupt, Looking, consumer_named, consumer_names};
use crate::answer::printable;
use crate::operator::Operator;

/// Whose letters are meant, and which.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Whose
    #[arg(long, value_parser = consumer_names())]
    pub(super) consumer: String,
    #[command(flatten)]
    which: Which,
}

/// One of these must be said.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
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
    /// Holds those that are meant; and says what was asked for by name and is not among them.
    pub(super) async fn hold(
        &self,
        operator: &Operator,
        looking: &Looking,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Held, Option<String>)> {
        let (consumer, limit) = (consumer_named(&self.consumer)?, looking.limit());
        let meant = |letter: &DeadLetter| self.takes(letter);
        let held = hold(&operator.pubsub, consumer, limit, interrupt, meant).await?;
        let missing = self.missing(&held.letters);
        Ok((held, missing))
    }

    fn takes(&self, letter: &DeadLetter) -> bool {
        let Which { ids, reason, all } = &self.which;
        *all || reason.as_ref() == Some(&letter.reason) || ids.iter().any(|id| letter.has_id(id))
    }

    fn missing(&self, letters: &[DeadLetter]) -> Option<String> {
        let absent = |id: &&String| !letters.iter().any(|letter| letter.has_id(id));
        let ids = self.which.ids.iter().filter(absent).map(String::as_str);
        let absent: Vec<&str> = ids.collect();
        if !absent.is_empty() {
            return Some(format!("no dead letter with the id {}", absent.join(", ")));
        }
        let reason = self.which.reason.as_ref()?;
        let found = letters.iter().any(|letter| letter.reason == *reason);
        (!found).then(|| format!("no dead letter with the reason {reason}"))
    }
}

pub(super) fn by_reason(letters: &[DeadLetter]) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    for letter in letters {
        *reasons.entry(letter.reason.as_str()).or_default() += 1;
    }
    reasons
}

/// The same in words: `2 id_reused, 1 undecodable`.
pub(crate) fn reasons_in_words(reasons: &BTreeMap<impl AsRef<str>, usize>) -> String {
    let reasons = reasons.iter();
    let words = reasons.map(|(reason, count)| format!("{count} {}", printable(reason.as_ref())));
    words.collect::<Vec<_>>().join(", ")
}
