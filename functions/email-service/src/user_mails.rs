//! What the email service does with a user's events.

use async_trait::async_trait;
use fanout_consume::{Acted, Attempt, End, Failure, OutsideEffect, View};
use fanout_events::{Event, Payload};
use fanout_store::{ReadError, Write};

use crate::forget_recipient::forget_recipient;
use crate::send_welcome_email::SendWelcomeEmail;

/// Welcomes a user who signs up, and forgets one who goes.
pub(crate) struct UserMails {
    pub(crate) welcome: SendWelcomeEmail,
}

#[async_trait]
impl OutsideEffect for UserMails {
    async fn act(
        &self,
        event: &Event,
        _attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted, Failure> {
        match &event.data {
            Payload::UserCreated(user) => self.welcome.send(event, user, view).await,
            // Forgetting is all in the records.
            Payload::UserDeleted(_) | Payload::UserUpdated(_) | Payload::Unknown => Ok(Acted::Done),
        }
    }

    async fn remember(
        &self,
        event: &Event,
        end: End,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        match &event.data {
            Payload::UserCreated(_) => self.welcome.record(event, end, view).await,
            Payload::UserDeleted(_) => forget_recipient(event, view).await,
            Payload::UserUpdated(_) | Payload::Unknown => Ok(Vec::new()),
        }
    }
}
