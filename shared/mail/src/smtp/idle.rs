//! Sessions that wait for the next mail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::session::SmtpSession;

/// Sessions that are open and not in use.
pub(super) struct IdleSessions {
    /// Each with the moment since when it waits.
    waiting: Mutex<Vec<(SmtpSession, Instant)>>,
    /// How long each may wait.
    limit: Duration,
}

impl IdleSessions {
    pub(super) fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            limit,
        })
    }

    /// The session that was used last.
    pub(super) fn take(&self) -> Option<SmtpSession> {
        // An instance without CPU between requests closes nothing, so the time is looked at here too.
        let (session, since) = self.lock().pop()?;
        (since.elapsed() < self.limit).then_some(session)
    }

    /// Keeps a session for the next mail, and closes it if there is none in time.
    pub(super) fn keep(self: &Arc<Self>, session: SmtpSession) {
        self.lock().push((session, Instant::now()));
        let (idle, limit) = (Arc::downgrade(self), self.limit);
        tokio::spawn(async move {
            sleep(limit).await;
            if let Some(idle) = idle.upgrade() {
                idle.close_outdated().await;
            }
        });
    }

    /// Forgets all: where one has been closed by the server, the others have been as well.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    async fn close_outdated(&self) {
        let outdated = |(_, since): &mut (_, Instant)| since.elapsed() >= self.limit;
        let outdated: Vec<_> = self.lock().extract_if(.., outdated).collect();
        for (session, _) in outdated {
            session.close().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(SmtpSession, Instant)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
