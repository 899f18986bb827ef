//! `user.created`: the user is welcomed by mail.

use async_trait::async_trait;
use fanout_consume::{Acted, Attempt, End, Failure, OutsideEffect, UnitOfWork, View};
use fanout_contracts::user::UserCreated;
use fanout_events::Envelope;
use fanout_store::{ReadError, Write};

use crate::mails::Mails;
use crate::recipient::{Known, Recipient};
use crate::sent_email::SentEmail;
use crate::welcome_mail::welcome_mail;

pub(crate) struct SendWelcomeEmail(pub(crate) Mails);

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
        let mail = welcome_mail(event, &self.0.letterhead, self.0.clock.now());
        let mail = mail.map_err(|error| Failure::Park {
            reason: "unwritable_mail",
            detail: error.to_string(),
        })?;
        self.0.send(&mail, attempt).await?;
        Ok(Acted::Done(()))
    }

    /// Where the user's mails go: other mails than this one do not wait for it.
    async fn remember_meanwhile(
        &self,
        event: &Envelope<UserCreated>,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        let recipient = Recipient::read(view, &event.subject).await?;
        if recipient.is_gone() || recipient.known().is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![recipient.told(
            &event.subject,
            &event.id,
            &told(event),
        )])
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
            sent_at: self.0.clock.now(),
        };
        let told = recipient.told(&event.subject, &event.id, &told(event));
        Ok(vec![record.write(), told].into())
    }
}

fn told(event: &Envelope<UserCreated>) -> Known {
    Known {
        email: event.data.email.clone(),
        name: event.data.name.clone(),
        sequence: event.sequence,
    }
}
