//! Sessions that wait for the next mail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::session::SmtpSession;

/// Sessions that are open and not in use.
pub(super) struct IdleSessions {
    waiting: Mutex<Vec<IdleSession>>,
    /// How long each may wait.
    limit: Duration,
}

struct IdleSession {
    session: SmtpSession,
    since: Instant,
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
        let newest = self.lock().pop()?;
        (newest.since.elapsed() < self.limit).then_some(newest.session)
    }

    /// Keeps a session for the next mail, and closes it if there is none in time.
    pub(super) fn keep(self: &Arc<Self>, session: SmtpSession) {
        let since = Instant::now();
        self.lock().push(IdleSession { session, since });
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
        let outdated = |waiting: &mut IdleSession| waiting.since.elapsed() >= self.limit;
        let outdated: Vec<IdleSession> = self.lock().extract_if(.., outdated).collect();
        for waiting in outdated {
            waiting.session.close().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<IdleSession>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
