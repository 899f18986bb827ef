//! `user.created`: the user is welcomed by mail.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_events::{Event, Payload};
use fanout_messaging::consume::{Attempt, Failure, OutsideEffect};
use fanout_runtime::Clock;
use fanout_store::Write;

use crate::mailer::{MailError, Mailer};
use crate::sent_email::SentEmail;
use crate::welcome_mail::{Sender, welcome_mail};

/// Sends the welcome mail.
pub struct SendWelcomeEmail {
    /// How mails leave.
    pub mailer: Arc<dyn Mailer>,
    /// The time, for the mail's date and its record.
    pub clock: Arc<dyn Clock>,
    /// Who mails come from.
    pub from: Sender,
}

#[async_trait]
impl OutsideEffect for SendWelcomeEmail {
    async fn act(&self, event: &Event, _attempt: &Attempt) -> Result<Vec<Write>, Failure> {
        let user = match &event.data {
            Payload::UserCreated(user) => user,
            Payload::UserUpdated(_) | Payload::UserDeleted(_) | Payload::Unknown => {
                return Ok(Vec::new());
            }
        };
        let mail = welcome_mail(event, user, &self.from, self.clock.now()).map_err(|error| {
            Failure::Park {
                reason: "unwritable_mail",
                detail: error.to_string(),
            }
        })?;
        self.mailer.send(&mail).await?;
        Ok(vec![SentEmail::welcome(event, self.clock.now()).write()])
    }
}

impl From<MailError> for Failure {
    fn from(error: MailError) -> Self {
        match error {
            MailError::NotSent(_) => Self::retry(error),
            MailError::Unknown(_) => Self::Retry {
                cause: error.into(),
                may_have_acted: true,
            },
            MailError::Refused(detail) => Self::Park {
                reason: "mailbox_refused",
                detail,
            },
        }
    }
}
