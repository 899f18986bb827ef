//! One session with a mail server.

use std::time::Duration;

use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use tokio::time::timeout;

use super::fault::{SmtpFault, Stage};
use super::server::{Security, SmtpServer};

/// How a password is said, in order of preference. Both need a connection that nobody listens to.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];
/// How long one address of a server is tried: it may have several, and the next needs time as well.
const ONE_ADDRESS: Duration = Duration::from_secs(3);
/// How long a server may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A session that mails can be sent in, one after the other.
pub(super) struct SmtpSession(AsyncSmtpConnection);

impl SmtpSession {
    /// Connects, and proves who we are.
    pub(super) async fn open(server: &SmtpServer, tls: &TlsParameters) -> Result<Self, SmtpFault> {
        let fault = |error: SmtpError| SmtpFault::of(Stage::Opening, &error);
        let at_once = (server.security == Security::Tls).then(|| tls.clone());
        let (address, limit) = ((server.host.as_str(), server.port), Some(ONE_ADDRESS));
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, limit, &server.hello, at_once, None);
        let mut connection = connecting.await.map_err(fault)?;
        if server.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(SmtpFault::Lacks("STARTTLS"));
            }
            let upgraded = connection.starttls(tls.clone(), &server.hello).await;
            upgraded.map_err(fault)?;
        }
        if let Some(credentials) = &server.credentials {
            let known = connection.server_info().get_auth_mechanism(MECHANISMS);
            if known.is_none() {
                return Err(SmtpFault::Lacks("AUTH PLAIN or AUTH LOGIN"));
            }
            let proven = connection.auth(MECHANISMS, credentials).await;
            proven.map_err(fault)?;
        }
        Ok(Self(connection))
    }

    /// Whether the server is still there.
    pub(super) async fn is_alive(&mut self) -> bool {
        self.0.test_connected().await
    }

    /// Says who the mail is from and for; then the server waits for it. Until then nothing has
    /// happened.
    pub(super) async fn begin(
        &mut self,
        envelope: &Envelope,
        content: &[u8],
    ) -> Result<(), SmtpFault> {
        let options = self.options_for(envelope, content)?;
        let sender = Mail::new(envelope.from().cloned(), options);
        let fault = |stage| move |error: SmtpError| SmtpFault::of(stage, &error);
        let heard = self.0.command(sender).await;
        heard.map_err(fault(Stage::Sender))?;
        for recipient in envelope.to() {
            let heard = self
                .0
                .command(Rcpt::new(recipient.clone(), Vec::new()))
                .await;
            heard.map_err(fault(Stage::Recipient))?;
        }
        let ready = self.0.command(Data).await;
        ready.map_err(fault(Stage::Data)).map(drop)
    }

    /// Hands the mail over. After `Ok` the server is responsible for it.
    pub(super) async fn finish(&mut self, content: &[u8]) -> Result<(), SmtpFault> {
        let taken = self.0.message(content).await;
        taken
            .map_err(|error| SmtpFault::of(Stage::Content, &error))
            .map(drop)
    }

    /// Says goodbye, for a moment.
    pub(super) async fn close(mut self) {
        let _ = timeout(GOODBYE, self.0.abort()).await;
    }

    fn options_for(
        &self,
        envelope: &Envelope,
        content: &[u8],
    ) -> Result<Vec<MailParameter>, SmtpFault> {
        let mut options = Vec::new();
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        let mut addresses = envelope.to().iter().chain(envelope.from());
        if !addresses.all(is_ascii) {
            if !self
                .0
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(SmtpFault::NoInternationalAddresses);
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        // Bodies are encoded; only an internationalised address in a header is not.
        if !content.is_ascii() {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(options)
    }
}
