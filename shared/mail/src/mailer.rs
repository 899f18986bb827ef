//! The port for sending mail.

use async_trait::async_trait;
use fanout_runtime::BoxError;
use lettre::Message;

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a mail over. Once this answers `Ok`, somebody else is responsible for it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// A mail that is ready to be sent.
pub struct Mail {
    /// The idempotency key: the same for the same event, safe as a file name and in a header.
    pub id: String,
    /// The mail itself.
    pub message: Message,
}

/// Why a mail was not sent, or may not have been. Holds no address.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It was not sent; it may work later.
    #[error("the mail could not be sent now")]
    NotSent(#[source] BoxError),
    /// It was not sent, and will not be until somebody repairs the settings or the mail server:
    /// it is us who are refused, not the recipient.
    #[error("no mail can be sent: check SMTP_URL, MAIL_FROM and the mail server")]
    Misconfigured(#[source] BoxError),
    /// The connection broke while the mail was on its way: it may have been sent.
    #[error("it is not known whether the mail was sent")]
    Unknown(#[source] BoxError),
    /// The recipient's address will never be accepted.
    #[error("the recipient's address was refused: {0}")]
    Refused(String),
}
