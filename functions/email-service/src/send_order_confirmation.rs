//! `mail.confirmation_requested`: the user is told that the order is confirmed.

use async_trait::async_trait;
use fanout_consume::{Attempt, Failure, View};
use fanout_contracts::mail::{ConfirmationRequested, MailSent};
use fanout_events::Envelope;
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Keys, OutsideStep, Ruling};
use fanout_store::{ReadError, Write};

use crate::mails::Mails;
use crate::order_mail::{OrderMail, OrderTemplate};
use crate::sent_email::EmailStatus;

/// The step `confirm` of an order. A mail that cannot be sent is an outcome like any other.
pub(crate) struct SendOrderConfirmation(pub(crate) Mails);

fn mail<'a>(asked: &'a ConfirmationRequested, id: &'a str) -> OrderMail<'a> {
    OrderMail {
        template: OrderTemplate::Confirmation,
        id,
        user_id: &asked.user_id,
        order_id: &asked.order_id,
        total: asked.total,
    }
}

#[async_trait]
impl OutsideStep for SendOrderConfirmation {
    type Asked = ConfirmationRequested;
    type Outcome = EmailStatus;
    const SUBJECT: &'static str = "mail";

    async fn perform(
        &self,
        asked: &Envelope<ConfirmationRequested>,
        keys: &Keys,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Option<Ruling<EmailStatus>>, Failure> {
        let mail = mail(&asked.data, &keys.done);
        let status = self.0.send_order_mail(&mail, attempt, view).await?;
        Ok(Some(Ruling::Done(status)))
    }

    async fn remember(
        &self,
        asked: &Envelope<ConfirmationRequested>,
        subject: &str,
        ruling: &Ruling<EmailStatus>,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        match ruling {
            Ruling::Done(status) => {
                let mail = mail(&asked.data, subject);
                self.0
                    .remember_order_mail(&mail, &asked.id, *status, view)
                    .await
            }
            Ruling::Refused(_) => Ok(Vec::new()),
        }
    }

    fn answer(
        &self,
        asked: &ConfirmationRequested,
        to: Answer,
        ruling: &Ruling<EmailStatus>,
    ) -> Result<Draft, UnwritableEvent> {
        let status = match ruling {
            Ruling::Done(status) => status.as_str(),
            Ruling::Refused(reason) => reason.as_str(),
        };
        let sent = MailSent {
            mail_id: to.subject.clone(),
            order_id: asked.order_id.clone(),
            status: status.to_owned(),
            step: asked.step.clone(),
        };
        Draft::of(to.subject, to.sequence, &sent)
    }
}
