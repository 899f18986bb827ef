//! What a mail server answers: three digits. The text after them is for people; of it only codes and
//! the words for a mailbox that is not there are looked at, and only after a refusal.

use std::fmt;

use super::fault::Stage;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three digits, those of the last line.
    pub(super) code: u16,
    /// The text of each line. It may name people: never to be logged.
    pub(super) lines: Vec<String>,
}

/// A refusal, without its text: `550`, and `5.1.1` where the server says so (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SmtpRefusal {
    code: u16,
    enhanced: Option<(u16, u16, u16)>,
    pub(super) blame: Blame,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// It may work later; the server says so.
    Passing,
    /// The recipient's mailbox: it will never work.
    Recipient,
    /// Ours, or our relay's: credentials, sender, quota, policy, protocol. It works once that is
    /// repaired.
    Us,
}

/// What RFC 3463 and its registry say of the destination's mailbox. Not X.1.0, X.1.7, X.1.8, X.1.20
/// (the sender), X.4.5, X.4.6 (quota, loop) or X.2.0 (which Exchange says of spam).
const OF_MAILBOX: &[(u16, u16, u16)] = &[
    (5, 1, 1),
    (5, 1, 2),
    (5, 1, 3),
    (5, 1, 6),
    (5, 1, 10),
    (5, 2, 1),
    (5, 2, 2),
    (5, 4, 1),
    (5, 4, 4),
    (5, 4, 310),
];

/// How servers that say no such code put the same.
const WORDS_OF_MAILBOX: &[&str] = &[
    // 5.1.1 to 5.1.6, 5.1.10
    "user unknown",
    "unknown user",
    "no such user",
    "user not found",
    "user does not exist",
    "user doesn't",
    "not a known user",
    "user not local",
    "recipient unknown",
    "unknown recipient",
    "no such recipient",
    "invalid recipient",
    "recipient not found",
    "recipient does not exist",
    "recipient rejected",
    "recipient address rejected",
    "no mailbox",
    "no such mailbox",
    "unknown mailbox",
    "invalid mailbox",
    "mailbox not found",
    "mailbox unknown",
    "mailbox unavailable",
    "mailbox does not exist",
    "mailbox name not allowed",
    "mailbox has moved",
    "unknown address",
    "address unknown",
    "no such address",
    "address does not exist",
    "bad destination",
    "malformed address",
    "no such account",
    "account does not exist",
    "tried to reach does not exist",
    "no such domain",
    "unknown domain",
    "domain does not accept mail",
    "null mx",
    // 5.2
    "mailbox disabled",
    "mailbox is disabled",
    "mailbox inactive",
    "mailbox is inactive",
    "account disabled",
    "account is disabled",
    "tried to reach is disabled",
    "mailbox full",
    "mailbox is full",
    "mailbox quota",
    "user over quota",
    "user is over quota",
    "tried to reach is over quota",
    "exceeded storage allocation",
    // 5.4
    "no answer from host",
    "unable to route",
    "unrouteable address",
    "unroutable address",
    "dns domain",
];

/// Where one of these is said too, codes and words are about the sender.
const WORDS_OF_SENDER: &[&str] = &["sender", "sending", "from address"];
/// Where one of these is said too, the words are about us or our relay.
const WORDS_OF_US: &[&str] = &["relay", "your ", "helo", "spam", "policy"];

impl Reply {
    /// The codes of a refusal that came at this stage, without its text.
    pub(super) fn refusal(&self, stage: Stage) -> SmtpRefusal {
        let enhanced = self.lines.iter().find_map(|line| enhanced_code(line));
        let blame = match self.code {
            ..500 => Blame::Passing,
            _ if self.is_of_mailbox(stage, enhanced) => Blame::Recipient,
            _ => Blame::Us,
        };
        SmtpRefusal {
            code: self.code,
            enhanced,
            blame,
        }
    }

    /// Whether a lasting refusal is. A mail that is parked by mistake is one that its recipient never
    /// gets; one that is retried by mistake comes to the dead-letter topic too.
    fn is_of_mailbox(&self, stage: Stage, enhanced: Option<(u16, u16, u16)>) -> bool {
        let heard_recipient = match stage {
            Stage::Opening | Stage::Sender => false,
            Stage::Recipient | Stage::Data | Stage::Content => true,
        };
        // Without addresses: their parts are no words of the server's.
        let text = self.lines.join(" ").to_lowercase();
        let words = text.split_whitespace().filter(|word| !word.contains('@'));
        let text = words.collect::<Vec<_>>().join(" ");
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let is_named = match enhanced {
            Some(code) => OF_MAILBOX.contains(&code),
            // RFC 5321, section 4.2.3, and RFC 7504: these two have but one meaning.
            None => matches!(self.code, 551 | 556) || says(WORDS_OF_MAILBOX) && !says(WORDS_OF_US),
        };
        heard_recipient && is_named && !says(WORDS_OF_SENDER)
    }
}

/// The `5.1.1` that a line may begin with.
fn enhanced_code(line: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = line.split_whitespace().next()?.split('.');
    let mut number = |digits| {
        let text = numbers.next()?;
        let fits = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    let found = (number(1)?, number(3)?, number(3)?);
    numbers.next().is_none().then_some(found)
}

impl fmt::Display for SmtpRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.code)?;
        match self.enhanced {
            Some((class, subject, detail)) => write!(out, " {class}.{subject}.{detail}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
