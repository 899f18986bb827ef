//! The port for sending mail.

use async_trait::async_trait;
use fanout_runtime::BoxError;
use tokio::time::Instant;

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands a mail over, and ends before `until`. Once this answers `Ok`, the mail outlives this
    /// process: a mail server is responsible for it, or it lies on the disk.
    async fn send(&self, mail: &Mail, until: Instant) -> Result<(), MailError>;
}

/// A mail that is ready to be sent.
pub struct Mail {
    /// The idempotency key: the same for the same event, safe as a file name and in a header.
    pub id: String,
    /// The sender's address, in ASCII.
    pub from: String,
    /// The recipient's address; its domain is in ASCII.
    pub to: String,
    /// Header and body, as they go over the wire.
    pub content: Vec<u8>,
}

/// Why a mail was not sent, or may not have been. Holds no address.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// It was not sent: the mail server asks for it later, as servers do that do not know a sender
    /// yet. That is usual.
    #[error("the mail server asks for the mail later")]
    Deferred(#[source] BoxError),
    /// It was not sent; it may work later.
    #[error("the mail could not be sent now")]
    NotSent(#[source] BoxError),
    /// It was not sent, and will not be until an operator repairs the settings or the mail server:
    /// it is us who are refused, not the recipient.
    #[error("no mail can be sent: check SMTP_URL, MAIL_FROM and the mail server")]
    Misconfigured(#[source] BoxError),
    /// The mail was handed over whole, and no answer came that says whether it was taken.
    #[error("it is not known whether the mail was sent")]
    Unknown(#[source] BoxError),
    /// The recipient's mailbox will never take it.
    #[error("the recipient's mailbox was refused: {0}")]
    Refused(String),
    /// The mail server cannot send to addresses like the recipient's.
    #[error("the recipient's address is not supported: {0}")]
    Unsupported(String),
}
