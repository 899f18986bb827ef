//! What went wrong with a mail server, and whose fault it is.
//!
//! Never the server's own words: they tend to repeat the address. Only its codes.

use std::fmt;
use std::io;

use lettre::transport::smtp::Error as SmtpError;

use crate::mailer::MailError;

/// How far the mail was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connection, greeting, TLS, authentication.
    Opening,
    /// `MAIL FROM`
    Sender,
    /// `RCPT TO`
    Recipient,
    /// `DATA`, before a byte of the mail.
    Data,
    /// The mail itself. From here on it may have been taken.
    Content,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SmtpFault {
    /// The server said no.
    #[error("the SMTP server answered {reply} {stage}")]
    Refused {
        /// To what.
        stage: Stage,
        /// With what.
        reply: Reply,
    },
    /// The server said nothing in time.
    #[error("the SMTP server did not answer in time {stage}")]
    Silent {
        /// To what.
        stage: Stage,
    },
    /// There is no connection, or no more, or none that speaks SMTP.
    #[error("no SMTP session: {cause} {stage}")]
    Lost {
        /// When.
        stage: Stage,
        /// The system's words.
        cause: String,
    },
    /// The server's certificate is not accepted, or it speaks no TLS.
    #[error("no TLS session with the SMTP server: {0}")]
    Tls(String),
    /// The server cannot do what it must be able to.
    #[error("the SMTP server offers no {0}")]
    Lacks(&'static str),
    /// The server cannot take this recipient.
    #[error("the SMTP server takes no internationalised addresses")]
    NoInternationalAddresses,
}

/// A refusal: `550`, and `5.1.1` where the server says so (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    enhanced: Option<(u16, u16, u16)>,
}

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// Nobody's: it may work later.
    Passing,
    /// The recipient's address or mailbox: it will never work.
    Recipient,
    /// Ours, or our relay's: credentials, sender, policy, protocol. It works once that is repaired.
    Us,
}

impl SmtpFault {
    /// What a command's error means at this stage.
    pub(super) fn of(stage: Stage, error: &SmtpError) -> Self {
        if let Some(code) = error.status() {
            let words = std::error::Error::source(error).map(ToString::to_string);
            let reply = Reply::new(code.into(), &words.unwrap_or_default());
            return Self::Refused { stage, reply };
        }
        let cause = match io_cause(error) {
            // rustls' own errors come as this kind; what they say is of certificates and names.
            Some(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                return Self::Tls(cause.to_string());
            }
            Some(cause) => cause.to_string(),
            None => "the connection was closed, or does not speak SMTP".to_owned(),
        };
        Self::Lost { stage, cause }
    }
}

fn io_cause(error: &SmtpError) -> Option<&io::Error> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        source = error.source();
    }
    None
}

impl From<SmtpFault> for MailError {
    fn from(fault: SmtpFault) -> Self {
        match &fault {
            SmtpFault::Refused { stage, reply } => match reply.blame(*stage) {
                Blame::Passing => Self::NotSent(fault.into()),
                Blame::Recipient => Self::Refused(fault.to_string()),
                Blame::Us => Self::Misconfigured(fault.into()),
            },
            SmtpFault::Silent { stage } | SmtpFault::Lost { stage, .. } => match stage {
                Stage::Opening | Stage::Sender | Stage::Recipient | Stage::Data => {
                    Self::NotSent(fault.into())
                }
                Stage::Content => Self::Unknown(fault.into()),
            },
            SmtpFault::Tls(_) | SmtpFault::Lacks(_) => Self::Misconfigured(fault.into()),
            SmtpFault::NoInternationalAddresses => Self::Refused(fault.to_string()),
        }
    }
}

impl Reply {
    fn new(code: u16, words: &str) -> Self {
        Self {
            code,
            enhanced: enhanced_code(words),
        }
    }

    /// The recipient is to blame only where the server says so. A mail that is parked by mistake is
    /// one that nobody gets; one that is retried by mistake comes to the dead-letter topic too.
    fn blame(self, stage: Stage) -> Blame {
        match (self.code, stage) {
            (..500, _) => Blame::Passing,
            // Authentication is missing or wrong (RFC 4954, section 6).
            (530 | 534 | 535 | 538, _) => Blame::Us,
            (_, Stage::Opening | Stage::Sender) => Blame::Us,
            (code, Stage::Recipient | Stage::Data | Stage::Content) => {
                let recipient = match (self.enhanced, stage) {
                    (Some(enhanced), _) => is_of_recipient(enhanced),
                    // RFC 5321, section 4.3.2, and RFC 7504. 554 has no meaning of its own; servers
                    // that do not relay for us say it.
                    (None, Stage::Recipient) => matches!(code, 501 | 550..=553 | 556),
                    // After the mail 550 and 554 are about what is in it; 552 is a full mailbox.
                    (None, Stage::Opening | Stage::Sender | Stage::Data | Stage::Content) => {
                        code == 552
                    }
                };
                match recipient {
                    true => Blame::Recipient,
                    false => Blame::Us,
                }
            }
        }
    }
}

/// RFC 3463: X.1 is an address and X.2 a mailbox. But X.1.7 and X.1.8 are the sender's address, which
/// many servers look at only when they hear of a recipient. X.4 is the way to the recipient's
/// domain; X.7, security and policy, is about us.
fn is_of_recipient(enhanced: (u16, u16, u16)) -> bool {
    match enhanced {
        (_, 1, 7 | 8) => false,
        (_, 1 | 2 | 4, _) => true,
        _ => false,
    }
}

/// The `5.1.1` that a reply's text may begin with.
fn enhanced_code(words: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = words.split_whitespace().next()?.split('.');
    let mut number = |digits| {
        let text = numbers.next()?;
        let fits = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse().ok()).flatten()
    };
    let found = (number(1)?, number(3)?, number(3)?);
    numbers.next().is_none().then_some(found)
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Opening => "when a session was opened",
            Self::Sender => "when it heard the sender",
            Self::Recipient => "when it heard the recipient",
            Self::Data => "when it was to take the mail",
            Self::Content => "after the mail",
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.code)?;
        match self.enhanced {
            Some((class, subject, detail)) => write!(out, " {class}.{subject}.{detail}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Blame::{Passing, Recipient, Us};
    use super::*;

    /// What servers say: Postfix, Exim, Exchange, Gmail, Amazon's.
    #[test]
    fn a_refusal_is_the_recipients_fault_only_where_the_server_says_so() {
        let cases = [
            (Stage::Opening, 421, "4.7.0 too many connections", Passing),
            (Stage::Opening, 454, "4.7.0 temporary failure", Passing),
            (Stage::Opening, 535, "5.7.8 bad credentials", Us),
            (
                Stage::Opening,
                534,
                "5.7.9 application password required",
                Us,
            ),
            (Stage::Opening, 554, "no SMTP service here", Us),
            (Stage::Sender, 451, "4.3.0 try again", Passing),
            (Stage::Sender, 530, "5.7.0 authentication required", Us),
            (Stage::Sender, 550, "5.7.1 not allowed to send as", Us),
            (Stage::Sender, 553, "5.1.8 sender rejected", Us),
            (Stage::Recipient, 450, "4.2.0 greylisted", Passing),
            (Stage::Recipient, 452, "4.2.2 mailbox full", Passing),
            (Stage::Recipient, 550, "5.1.1 user unknown", Recipient),
            (Stage::Recipient, 550, "No such user", Recipient),
            (Stage::Recipient, 550, "5.4.1 recipient rejected", Recipient),
            (Stage::Recipient, 552, "5.2.2 mailbox full", Recipient),
            (Stage::Recipient, 553, "5.1.3 bad syntax", Recipient),
            (Stage::Recipient, 556, "5.1.10 null MX", Recipient),
            (Stage::Recipient, 554, "5.7.1 relay access denied", Us),
            (Stage::Recipient, 554, "relay access denied", Us),
            (Stage::Recipient, 550, "5.1.8 sender's domain not found", Us),
            (Stage::Recipient, 550, "5.7.1 blocked by policy", Us),
            (Stage::Recipient, 530, "5.7.0 authentication required", Us),
            (Stage::Recipient, 503, "5.5.1 bad sequence", Us),
            (Stage::Data, 554, "5.5.1 no valid recipients", Us),
            (Stage::Content, 451, "4.7.1 greylisted", Passing),
            (Stage::Content, 550, "5.1.1 no such user", Recipient),
            (Stage::Content, 552, "5.2.2 mailbox full", Recipient),
            (Stage::Content, 552, "mailbox full", Recipient),
            (Stage::Content, 552, "5.3.4 too big", Us),
            (Stage::Content, 550, "5.7.1 looks like spam", Us),
            (Stage::Content, 554, "5.7.1 rejected", Us),
            (Stage::Content, 550, "rejected", Us),
        ];
        for (stage, code, words, expected) in cases {
            let reply = Reply::new(code, words);
            assert_eq!(reply.blame(stage), expected, "{code} {words} {stage}");
        }
    }

    #[test]
    fn an_enhanced_code_is_read_and_nothing_that_only_looks_like_one() {
        assert_eq!(enhanced_code("5.1.1 <a@b.c>: unknown"), Some((5, 1, 1)));
        assert_eq!(enhanced_code("5.7.509 dmarc"), Some((5, 7, 509)));
        for words in [
            "",
            "no",
            "5.1",
            "5.1.1.1 x",
            "192.168.0.1 x",
            "5..1",
            "+5.1.1",
        ] {
            assert_eq!(enhanced_code(words), None, "{words}");
        }
    }

    #[test]
    fn only_a_mail_that_was_on_its_way_may_have_been_sent() {
        let before = [Stage::Opening, Stage::Sender, Stage::Recipient, Stage::Data];
        for stage in before {
            let error = MailError::from(SmtpFault::Silent { stage });
            assert!(matches!(error, MailError::NotSent(_)), "{error}");
        }
        let stage = Stage::Content;
        let error = MailError::from(SmtpFault::Silent { stage });
        assert!(matches!(error, MailError::Unknown(_)), "{error}");
    }
}
