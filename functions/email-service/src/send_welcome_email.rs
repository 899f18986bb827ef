//! `user.created`: the user is welcomed by mail.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_consume::{Acted, Attempt, End, Failure, OutsideEffect, UnitOfWork, View};
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_mail::{Letterhead, MailError, Mailer};
use fanout_runtime::Clock;
use fanout_store::ReadError;

use crate::recipient::Recipient;
use crate::sent_email::SentEmail;
use crate::welcome_mail::welcome_mail;

/// Sends the welcome mail.
pub(crate) struct SendWelcomeEmail {
    pub(crate) mailer: Arc<dyn Mailer>,
    /// The time, for the mail's date and its record.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) letterhead: Letterhead,
}

#[async_trait]
impl OutsideEffect<UserCreated> for SendWelcomeEmail {
    type Output = ();

    /// Sends it, unless the user has been deleted already.
    async fn act(
        &self,
        event: &Envelope<UserCreated>,
        _attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<()>, Failure> {
        if Recipient::read(view, &event.subject).await?.is_gone() {
            return Ok(Acted::Stale);
        }
        let mail = welcome_mail(event, &self.letterhead, self.clock.now());
        let mail = mail.map_err(|error| Failure::Park {
            reason: "unwritable_mail",
            detail: error.to_string(),
        })?;
        match self.mailer.send(&mail).await {
            Ok(()) => Ok(Acted::Done(())),
            Err(error) => Err(failure(error)),
        }
    }

    /// The mail's record; none if the user has been deleted meanwhile.
    async fn remember(
        &self,
        event: &Envelope<UserCreated>,
        end: End<'_, ()>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        // Usually it is the user's first mail, so it is planned without a read.
        let recipient = match view.conflicts() {
            0 => Recipient::NEW,
            _ => Recipient::read(view, &event.subject).await?,
        };
        if recipient.is_gone() {
            return Ok(UnitOfWork::default());
        }
        let record = SentEmail::welcome(event, end.into(), self.clock.now());
        Ok(vec![record.write(), recipient.had_mail(event)].into())
    }
}

/// What a mail that was not sent means for its event.
fn failure(error: MailError) -> Failure {
    match error {
        MailError::NotSent(_) | MailError::Misconfigured(_) => Failure::retry(error),
        MailError::Unknown(_) => Failure::Retry {
            cause: error.into(),
            may_have_acted: true,
        },
        MailError::Refused(detail) => Failure::Park {
            reason: "mailbox_refused",
            detail,
        },
    }
}
