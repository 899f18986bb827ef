//! `user.created`: the user is welcomed by mail.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::{Acted, Attempt, End, Failure, OutsideEffect, UnitOfWork, View};
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_mail::{Letterhead, MailError, Mailer};
use fanout_runtime::{Clock, error_chain};
use fanout_store::ReadError;
use fanout_telemetry::mail_span;
use tracing::Instrument as _;

use crate::recipient::{Known, Recipient};
use crate::sent_email::{OUTCOME_UNKNOWN, SentEmail};
use crate::welcome_mail::welcome_mail;

/// How long before the end of its time an act has to end by itself.
pub(crate) const MARGIN: Duration = Duration::from_millis(500);

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
        attempt: &Attempt,
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
        // An act that is cut off tells nothing of how far the mail was.
        let until = attempt.until - MARGIN;
        let sending = self.mailer.send(&mail, until).instrument(mail_span());
        match sending.await {
            Ok(()) => Ok(Acted::Done(())),
            Err(error) => Err(failure(error, attempt)),
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
        let record = SentEmail {
            event_id: event.id.clone(),
            user_id: event.subject.clone(),
            template: "welcome".to_owned(),
            status: end.into(),
            sent_at: self.clock.now(),
        };
        let told = Known {
            email: event.data.email.clone(),
            name: event.data.name.clone(),
            sequence: event.sequence,
        };
        let told = recipient.told(&event.subject, &event.id, &told);
        Ok(vec![record.write(), told].into())
    }
}

/// What a mail that was not sent, or may not have been, means for its event. One that may have been
/// sent before is not risked a third time.
fn failure(error: MailError, attempt: &Attempt) -> Failure {
    match error {
        MailError::Deferred(cause) => Failure::Later(cause),
        MailError::NotSent(_) | MailError::Misconfigured(_) => Failure::retry(error),
        MailError::Unknown(_) if attempt.may_have_repeated => Failure::Park {
            reason: OUTCOME_UNKNOWN,
            detail: error_chain(&error),
        },
        MailError::Unknown(_) => Failure::Retry {
            cause: error.into(),
            may_have_acted: true,
        },
        MailError::Refused(detail) => Failure::Park {
            reason: "mailbox_refused",
            detail,
        },
        MailError::Unsupported(detail) => Failure::Park {
            reason: "address_not_supported",
            detail,
        },
    }
}
