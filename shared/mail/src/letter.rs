//! A letter becomes a mail: RFC 5322 and MIME.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanout_events::{EmailAddress, PersonName};
use fanout_runtime::Timestamp;
use lettre::message::{MultiPart, SinglePart};

use crate::harmless::harmless;
use crate::letterhead::Letterhead;
use crate::mailer::Mail;
use crate::plain_id::plain_id;

/// The longest line of a header that holds encoded words (RFC 2047, section 2).
const LONGEST_LINE: usize = 76;
/// How much text an encoded word holds, so that the longest header's name fits before it.
const ENCODED_BYTES: usize = 36;

/// What one mail says, and to whom.
pub struct Letter<'a> {
    /// The id of the event that it tells of: the same for the same event, so that a mail server or
    /// reader can drop a repeat.
    pub event_id: &'a str,
    /// The recipient's id.
    pub user_id: &'a str,
    /// The recipient's address.
    pub to: &'a EmailAddress,
    /// The recipient's name, as the recipient, or a stranger in their place, typed it.
    pub name: &'a PersonName,
    /// The subject, of the program's own words: nothing that a stranger typed can get there.
    pub subject: &'static str,
    /// The mail as plain text.
    pub text: String,
    /// The mail as HTML.
    pub html: String,
}

/// The recipient's address cannot be written into a mail. Does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the user's address cannot be written into a mail header")]
pub struct UnwritableAddress;

impl Letterhead {
    /// The letter as a mail.
    pub fn write(&self, letter: Letter<'_>, now: Timestamp) -> Result<Mail, UnwritableAddress> {
        let (local, domain) = letter.to.parts().ok_or(UnwritableAddress)?;
        let (from, to) = (self.from.address(), format!("{local}@{domain}"));
        let id = plain_id(letter.event_id);
        let name = harmless(letter.name);
        let mut head = Head::default();
        let sender = self.from.name.as_ref().map(PersonName::expose);
        head.mailbox("From", sender, &from);
        if let Some(reply_to) = &self.reply_to {
            let name = reply_to.name.as_ref().map(PersonName::expose);
            head.mailbox("Reply-To", name, &reply_to.address());
        }
        head.mailbox("To", Some(&name), &to);
        head.line("Subject", letter.subject);
        head.line("Date", &now.to_rfc2822());
        head.line("Message-ID", &format!("<{id}@{}>", self.from.domain));
        head.line("Auto-Submitted", "auto-generated");
        if let Some(unsubscribe) = &self.unsubscribe {
            head.line("List-Unsubscribe", &unsubscribe.header(letter.user_id));
            if unsubscribe.one_click {
                head.line("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
            }
        }
        head.line("MIME-Version", "1.0");
        let both = MultiPart::alternative()
            .boundary(boundary(&id))
            .singlepart(SinglePart::plain(letter.text))
            .singlepart(SinglePart::html(letter.html));
        let mut content = head.0.into_bytes();
        content.extend(both.formatted());
        Ok(Mail {
            id,
            from,
            to,
            content,
        })
    }
}

/// Header lines, folded and encoded where they have to be.
#[derive(Default)]
struct Head(String);

impl Head {
    /// A value of plain ASCII of one line, so there is nothing to encode or fold.
    fn line(&mut self, name: &str, value: &str) {
        let _ = write!(self.0, "{name}: {value}\r\n");
    }

    fn mailbox(&mut self, header: &str, name: Option<&str>, address: &str) {
        let Some(name) = name else {
            return self.line(header, address);
        };
        let quoted = quoted(name).filter(|it| header.len() + 2 + it.len() <= LONGEST_LINE);
        let name = quoted.unwrap_or_else(|| encoded(name));
        let last = name.rsplit("\r\n").next().unwrap_or_default();
        let before = header.len() + 2 + last.len();
        let fits = before + " <>".len() + address.len() <= LONGEST_LINE;
        let fold = if fits { "" } else { "\r\n" };
        self.line(header, &format!("{name}{fold} <{address}>"));
    }
}

/// A name as RFC 5322 writes it, in quotes unless it is one plain word. `None` for what has to be
/// encoded, which is also what a reader would take for encoded already.
fn quoted(name: &str) -> Option<String> {
    let is_plain = name.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if !is_plain || name.contains("=?") {
        return None;
    }
    if name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Some(name.to_owned());
    }
    let escaped = name.replace('\\', r"\\").replace('"', "\\\"");
    Some(format!("\"{escaped}\""))
}

/// A name as encoded words (RFC 2047), each on a line of its own and of whole characters.
fn encoded(name: &str) -> String {
    let mut words = vec![String::new()];
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= ENCODED_BYTES => word.push(c),
            Some(_) | None => words.push(c.to_string()),
        }
    }
    let word = |word: &String| format!("=?utf-8?b?{}?=", STANDARD.encode(word));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

/// What stands between the parts: the same for the same event, so that the whole mail is.
fn boundary(id: &str) -> String {
    format!("part-of-{}", id.get(..40).unwrap_or(id))
}

#[cfg(test)]
mod tests;
