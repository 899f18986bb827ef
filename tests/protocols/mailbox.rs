//! A mail provider that remembers what it was given and does as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fanout_mail::{Mail, MailError, Mailer};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::eventually;

/// The provider. Takes every mail, unless told otherwise before.
#[derive(Default)]
pub(super) struct Mailbox {
    sent: Mutex<Vec<String>>,
    next: Mutex<VecDeque<Next>>,
}

/// What happens to the next mail that nothing was said about yet.
pub(super) enum Next {
    /// It is not sent; it may work later.
    NotSent,
    /// It is sent, and the connection breaks before the answer.
    SentWithoutAnswer,
    /// The address is refused.
    Refused,
    /// It is sent, and the answer comes when the other end says so (or never, if that is dropped).
    AnsweredLate(oneshot::Receiver<Late>),
}

/// A late answer.
pub(super) enum Late {
    Sent,
    NotSent,
    Refused,
}

impl Mailbox {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Says what happens to the next mail.
    pub(super) fn next(&self, next: Next) {
        self.next.lock().unwrap().push_back(next);
    }

    /// The next mail is sent; when that is answered, and how, is up to the caller.
    pub(super) fn answer_the_next_late(&self) -> oneshot::Sender<Late> {
        let (answer, late) = oneshot::channel();
        self.next(Next::AnsweredLate(late));
        answer
    }

    /// The ids of all mails that were sent, with repeats.
    pub(super) fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    /// Waits until this many were sent.
    pub(super) async fn has_sent(&self, count: usize) {
        eventually("the mails", || async {
            (self.sent().len() == count).then_some(())
        })
        .await;
    }
}

fn not_sent() -> MailError {
    MailError::NotSent("the provider is down".into())
}

fn refused() -> MailError {
    MailError::Refused("no such mailbox".to_owned())
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail, _until: Instant) -> Result<(), MailError> {
        let send = || self.sent.lock().unwrap().push(mail.id.clone());
        let next = self.next.lock().unwrap().pop_front();
        match next {
            None => {
                send();
                Ok(())
            }
            Some(Next::NotSent) => Err(not_sent()),
            Some(Next::Refused) => Err(refused()),
            Some(Next::SentWithoutAnswer) => {
                send();
                Err(MailError::Unknown("the connection broke".into()))
            }
            Some(Next::AnsweredLate(late)) => {
                send();
                match late.await {
                    Ok(Late::Sent) => Ok(()),
                    Ok(Late::NotSent) => Err(not_sent()),
                    Ok(Late::Refused) => Err(refused()),
                    Err(_) => std::future::pending().await,
                }
            }
        }
    }
}
