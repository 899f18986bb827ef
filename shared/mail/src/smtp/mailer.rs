//! The mailer: a session for each mail, kept for the next.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use fanout_runtime::BoxError;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use webpki_roots::TLS_SERVER_ROOTS;

use super::fault::{SmtpFault, Stage};
use super::idle::IdleSessions;
use super::limits::SmtpLimits;
use super::server::SmtpServer;
use super::session::SmtpSession;
use super::wire::Tls;
use crate::mailer::{Mail, MailError, Mailer};

/// Sends mails by SMTP. Sessions are kept between mails, for a while.
pub struct SmtpMailer {
    server: SmtpServer,
    tls: Tls,
    limits: SmtpLimits,
    idle: Arc<IdleSessions>,
    /// One permit for each session in use.
    sessions: Semaphore,
}

impl SmtpMailer {
    /// A mailer to this server, whose certificate the public authorities must vouch for. Connects
    /// at the first mail.
    pub fn new(server: SmtpServer, limits: SmtpLimits) -> Result<Self, BoxError> {
        Self::trusting(server, limits, &[])
    }

    /// The same, with more certificates (DER) that are trusted: for a test's own server. No setting
    /// leads here.
    pub fn trusting(
        server: SmtpServer,
        limits: SmtpLimits,
        certificates: &[&[u8]],
    ) -> Result<Self, BoxError> {
        let mut roots: RootCertStore = TLS_SERVER_ROOTS.iter().cloned().collect();
        for certificate in certificates {
            roots.add(certificate.to_vec().into())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tls = Tls {
            connector: TlsConnector::from(Arc::new(config)),
            name: ServerName::try_from(server.host.clone())?,
        };
        Ok(Self {
            server,
            tls,
            idle: IdleSessions::new(limits.idle),
            sessions: Semaphore::new(limits.sessions),
            limits,
        })
    }

    /// A session that is alive, and the right to use it.
    async fn session(&self) -> Result<(SemaphorePermit<'_>, SmtpSession), SmtpFault> {
        let permit = self.sessions.acquire().await;
        let permit = permit
            .map_err(|_| SmtpFault::Lost(Stage::Opening, "the mailer has stopped".to_owned()))?;
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

    async fn deliver(
        &self,
        session: &mut SmtpSession,
        mail: &Mail,
        until: Instant,
    ) -> Result<(), SmtpFault> {
        // A server that has not heard the end has not taken the mail, whichever command hangs.
        let latest = until.checked_sub(self.limits.answer);
        let latest = latest.map(|latest| latest.min(Instant::now() + self.limits.envelope));
        let begun = session.begin(mail);
        before(latest.unwrap_or(until), Stage::Data, begun).await?;
        before(until, Stage::Content, session.finish()).await
    }
}

/// What comes of it in time; later it is silence at this stage.
async fn before<T>(
    deadline: Instant,
    stage: Stage,
    work: impl Future<Output = Result<T, SmtpFault>>,
) -> Result<T, SmtpFault> {
    let done = timeout_at(deadline, work).await;
    done.map_err(|_| SmtpFault::Silent(stage))?
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail, until: Instant) -> Result<(), MailError> {
        let latest = until.min(Instant::now() + self.limits.opening);
        let opening = before(latest, Stage::Opening, self.session());
        let (_permit, mut session) = opening.await?;
        match self.deliver(&mut session, mail, until).await {
            Ok(()) => {
                self.idle.keep(session);
                Ok(())
            }
            Err(fault) => {
                // Whatever state the session is in, the next mail has another; no caller waits for
                // the goodbye.
                tokio::spawn(session.close());
                Err(fault.into())
            }
        }
    }
}
