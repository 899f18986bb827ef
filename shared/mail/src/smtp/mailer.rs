//! The mailer: a session for each mail, kept for the next.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_runtime::BoxError;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::fault::{SmtpFault, Stage};
use super::idle::IdleSessions;
use super::limits::SmtpLimits;
use super::server::SmtpServer;
use super::session::SmtpSession;
use crate::mailer::{Mail, MailError, Mailer};

/// Sends mails by SMTP. Sessions are kept between mails, for a while.
pub struct SmtpMailer {
    server: SmtpServer,
    tls: TlsParameters,
    limits: SmtpLimits,
    idle: Arc<IdleSessions>,
    /// One permit for each session in use.
    sessions: Semaphore,
}

impl SmtpMailer {
    /// A mailer to this server, whose certificate the public authorities must vouch for. Connects
    /// at the first mail.
    pub fn new(server: SmtpServer, limits: SmtpLimits) -> Result<Self, BoxError> {
        let tls = TlsParameters::new(server.host.clone())?;
        Ok(Self::with(server, limits, tls))
    }

    /// The same, with one more certificate (DER) that is trusted: for a test's own server. No
    /// setting leads here.
    pub fn trusting(
        server: SmtpServer,
        limits: SmtpLimits,
        certificate: &[u8],
    ) -> Result<Self, BoxError> {
        let certificate = Certificate::from_der(certificate.to_vec())?;
        let tls = TlsParameters::builder(server.host.clone()).add_root_certificate(certificate);
        Ok(Self::with(server, limits, tls.build()?))
    }

    fn with(server: SmtpServer, limits: SmtpLimits, tls: TlsParameters) -> Self {
        Self {
            server,
            tls,
            idle: IdleSessions::new(limits.idle),
            sessions: Semaphore::new(limits.sessions),
            limits,
        }
    }

    /// A session that is alive, and the right to use it.
    async fn session(&self) -> Result<(SemaphorePermit<'_>, SmtpSession), SmtpFault> {
        let closed = |_| SmtpFault::Lost {
            stage: Stage::Opening,
            cause: "the mailer has stopped".to_owned(),
        };
        let permit = self.sessions.acquire().await.map_err(closed)?;
        if let Some(mut session) = self.idle.take() {
            // A connection that a firewall has forgotten says nothing at all.
            let patience = self.limits.opening / 4;
            if timeout(patience, session.is_alive()).await == Ok(true) {
                return Ok((permit, session));
            }
            self.idle.clear();
        }
        let session = SmtpSession::open(&self.server, &self.tls).await?;
        Ok((permit, session))
    }

    async fn deliver(&self, session: &mut SmtpSession, mail: &Mail) -> Result<(), SmtpFault> {
        let (envelope, content) = (mail.message.envelope(), mail.message.formatted());
        // A server that says nothing to the envelope has not taken the mail, whichever command hangs.
        let begun = session.begin(envelope, &content);
        within(self.limits.envelope, Stage::Data, begun).await?;
        within(
            self.limits.content,
            Stage::Content,
            session.finish(&content),
        )
        .await
    }
}

/// What comes of it in time; later it is silence at this stage.
async fn within<T>(
    limit: Duration,
    stage: Stage,
    work: impl Future<Output = Result<T, SmtpFault>>,
) -> Result<T, SmtpFault> {
    let silent = |_| SmtpFault::Silent { stage };
    timeout(limit, work).await.map_err(silent)?
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let opening = within(self.limits.opening, Stage::Opening, self.session());
        let (_permit, mut session) = opening.await?;
        match self.deliver(&mut session, mail).await {
            Ok(()) => {
                self.idle.keep(session);
                Ok(())
            }
            Err(fault) => {
                // Whatever state the session is in, the next mail has another. Nobody waits for it.
                tokio::spawn(session.close());
                Err(fault.into())
            }
        }
    }
}
