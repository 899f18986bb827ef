//! Mail by SMTP.

use std::time::Duration;

use async_trait::async_trait;
use fanout_runtime::Settings;
use fanout_store::BoxError;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::mailer::{Mail, MailError, Mailer};
use crate::welcome_mail::Sender;

/// How long one SMTP command may take: several of them fit into the handler's 45 s.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// Where mail goes and who it comes from.
pub struct SmtpSettings {
    /// The sender.
    pub from: Sender,
    url: String,
}

/// Sends mails by SMTP; connections are kept between mails.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl SmtpSettings {
    /// Reads `MAIL_FROM` and `SMTP_URL`.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let from = settings.required("MAIL_FROM", "a sender such as `Fanout <hello@example.com>`");
        let url: Option<String> = settings.required(
            "SMTP_URL",
            "an SMTP address such as smtps://user:password@host:465",
        );
        let usable = |url: &String| AsyncSmtpTransport::<Tokio1Executor>::from_url(url).is_ok();
        if url.as_ref().is_some_and(|url| !usable(url)) {
            settings.fault("SMTP_URL is not an SMTP address such as smtps://user:password@host:465 (its value is not shown).");
        }
        Some(Self {
            from: from?,
            url: url?,
        })
    }
}

impl SmtpMailer {
    /// A mailer for these settings. Connects at the first mail.
    pub fn new(settings: SmtpSettings) -> Result<Self, BoxError> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url)?
            .timeout(Some(COMMAND_LIMIT))
            .build();
        Ok(Self { transport })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        match self.transport.send(mail.message.clone()).await {
            Ok(_) => Ok(()),
            // Not the server's own words: they tend to repeat the address.
            Err(error) => Err(match error.status() {
                Some(code) => MailError::NotSent(format!("the SMTP server answered {code}").into()),
                None if error.is_timeout() || error.is_response() => {
                    MailError::Unknown("the SMTP server did not answer to the end".into())
                }
                None => MailError::NotSent("no SMTP session could be opened".into()),
            }),
        }
    }
}
