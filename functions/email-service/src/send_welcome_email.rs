//! `user.created`: the user is welcomed by mail.

use std::sync::Arc;

use fanout_consume::{Acted, End, Failure, View};
use fanout_events::{Event, UserCreated};
use fanout_mail::{Letterhead, MailError, Mailer};
use fanout_runtime::Clock;
use fanout_store::{ReadError, Write};

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

impl SendWelcomeEmail {
    /// Sends it, unless the user has been deleted already.
    pub(crate) async fn send(
        &self,
        event: &Event,
        user: &UserCreated,
        view: &View<'_>,
    ) -> Result<Acted, Failure> {
        if Recipient::read(view, &event.subject).await?.is_gone() {
            return Ok(Acted::Stale);
        }
        let mail = welcome_mail(event, user, &self.letterhead, self.clock.now());
        let mail = mail.map_err(|error| Failure::Park {
            reason: "unwritable_mail",
            detail: error.to_string(),
        })?;
        match self.mailer.send(&mail).await {
            Ok(()) => Ok(Acted::Done),
            Err(error) => Err(failure(error)),
        }
    }

    /// The mail's record; none if the user has been deleted meanwhile.
    pub(crate) async fn record(
        &self,
        event: &Event,
        end: End,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        // Usually it is the user's first mail, so it is planned without a read.
        let recipient = match view.conflicts() {
            0 => Recipient::NEW,
            _ => Recipient::read(view, &event.subject).await?,
        };
        if recipient.is_gone() {
            return Ok(Vec::new());
        }
        let record = SentEmail::welcome(event, end.into(), self.clock.now());
        Ok(vec![record.write(), recipient.had_mail(event)])
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
