//! What went wrong with a mail server, and what follows from it.
//!
//! Never the server's own words: they tend to repeat the address. Only its codes.

use std::io;

use super::reply::{Blame, SmtpRefusal};
use crate::mailer::MailError;

/// How far the mail was: the end of a fault's sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stage {
    /// Connection, greeting, TLS, authentication.
    #[error("when a session was opened")]
    Opening,
    /// `MAIL FROM`
    #[error("when it heard the sender")]
    Sender,
    /// `RCPT TO`
    #[error("when it heard the recipient")]
    Recipient,
    /// `DATA`, and the mail without its end.
    #[error("when it was to take the mail")]
    Data,
    /// The mail's end. From here on it may have been taken.
    #[error("after the mail")]
    Content,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SmtpFault {
    #[error("the SMTP server answered {1} {0}")]
    Refused(Stage, SmtpRefusal),
    #[error("the SMTP server did not answer in time {0}")]
    Silent(Stage),
    /// There is no connection, or no more, or none that speaks SMTP; in the system's words.
    #[error("no SMTP session: {1} {0}")]
    Lost(Stage, String),
    /// The server's certificate is not accepted, or it speaks no TLS.
    #[error("no TLS session with the SMTP server: {0}")]
    Tls(String),
    #[error("the SMTP server offers no {0}")]
    Lacks(&'static str),
    #[error("the SMTP server takes no internationalised addresses (SMTPUTF8)")]
    NoInternationalAddresses,
}

impl SmtpFault {
    /// What it is that the connection failed at this stage.
    pub(super) fn lost(stage: Stage) -> impl Fn(io::Error) -> Self {
        move |error| Self::Lost(stage, error.to_string())
    }

    /// The connection could not be encrypted. rustls' own errors, which speak of certificates and
    /// names, come as invalid data; others are the network's.
    pub(super) fn tls(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::InvalidData {
            Self::Tls(error.to_string())
        } else {
            Self::lost(Stage::Opening)(error)
        }
    }
}

impl From<SmtpFault> for MailError {
    fn from(fault: SmtpFault) -> Self {
        match &fault {
            SmtpFault::Refused(_, refusal) => match refusal.blame {
                Blame::Passing => Self::Deferred(fault.into()),
                Blame::Recipient => Self::Refused(fault.to_string()),
                Blame::Us => Self::Misconfigured(fault.into()),
            },
            SmtpFault::Silent(stage) | SmtpFault::Lost(stage, _) => match stage {
                Stage::Opening | Stage::Sender | Stage::Recipient | Stage::Data => {
                    Self::NotSent(fault.into())
                }
                Stage::Content => Self::Unknown(fault.into()),
            },
            SmtpFault::Tls(_) | SmtpFault::Lacks(_) => Self::Misconfigured(fault.into()),
            SmtpFault::NoInternationalAddresses => Self::Unsupported(fault.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mail_that_was_handed_over_whole_may_have_been_sent() {
        let before = [Stage::Opening, Stage::Sender, Stage::Recipient, Stage::Data];
        let error = |kind| io::Error::new(kind, "any");
        let kinds = [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof];
        for stage in before {
            let lost = kinds.map(|kind| SmtpFault::lost(stage)(error(kind)));
            for fault in lost.into_iter().chain([SmtpFault::Silent(stage)]) {
                let error = MailError::from(fault);
                assert!(matches!(error, MailError::NotSent(_)), "{error}");
            }
        }
        let stage = Stage::Content;
        let lost = kinds.map(|kind| SmtpFault::lost(stage)(error(kind)));
        for fault in lost.into_iter().chain([SmtpFault::Silent(stage)]) {
            let error = MailError::from(fault);
            assert!(matches!(error, MailError::Unknown(_)), "{error}");
        }
    }
}
