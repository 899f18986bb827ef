//! The mails about orders: what they say, and sending them.

use askama::Template;
use fanout_consume::{Attempt, End, Failure, View};
use fanout_contracts::Money;
use fanout_mail::{Letter, harmless};
use fanout_store::{ReadError, Write};

use crate::mails::Mails;
use crate::recipient::{Known, Recipient};
use crate::sent_email::{EmailStatus, SentEmail};

/// A mail about an order, whoever gets it.
#[derive(Clone, Copy)]
pub(crate) struct OrderMail<'a> {
    pub(crate) template: OrderTemplate<'a>,
    /// The same at every try.
    pub(crate) id: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) order_id: &'a str,
    pub(crate) total: Money,
}

/// What a mail about an order says.
#[derive(Clone, Copy)]
pub(crate) enum OrderTemplate<'a> {
    Confirmation,
    Cancelled { reason: &'a str },
}

#[derive(Template)]
#[template(path = "order.txt")]
struct Text<'a> {
    name: &'a str,
    sentence: &'a str,
}

#[derive(Template)]
#[template(path = "order.html")]
struct Html<'a> {
    title: &'a str,
    name: &'a str,
    sentence: &'a str,
}

impl OrderTemplate<'_> {
    /// Its name in records.
    fn name(self) -> &'static str {
        match self {
            Self::Confirmation => "order_confirmation",
            Self::Cancelled { .. } => "order_cancelled",
        }
    }

    fn subject(self) -> &'static str {
        match self {
            Self::Confirmation => "Your order is confirmed",
            Self::Cancelled { .. } => "Your order was cancelled",
        }
    }
}

impl OrderMail<'_> {
    fn sentence(&self) -> String {
        let (id, total, currency) = (self.order_id, self.total, self.total.currency());
        match self.template {
            OrderTemplate::Confirmation => {
                format!("your order {id} over {total} {currency} is confirmed and on its way.")
            }
            OrderTemplate::Cancelled { reason } => {
                let why = reason.replace('_', " ");
                format!(
                    "your order {id} over {total} {currency} was cancelled ({why}). \
                     What was paid for it has been given back."
                )
            }
        }
    }

    /// The letter to this user; `None` where it cannot be written.
    fn letter<'l>(&'l self, to: &'l Known) -> Option<Letter<'l>> {
        let (name, sentence) = (&harmless(&to.name), &self.sentence());
        let title = self.template.subject();
        let html = Html {
            title,
            name,
            sentence,
        };
        Some(Letter {
            event_id: self.id,
            user_id: self.user_id,
            to: &to.email,
            name: &to.name,
            subject: title,
            text: Text { name, sentence }.render().ok()?,
            html: html.render().ok()?,
        })
    }
}

impl Mails {
    /// Sends the mail to where the user's mails go. What cannot be sent for good is an end too:
    /// nothing of the order waits for a mail.
    pub(crate) async fn send_order_mail(
        &self,
        mail: &OrderMail<'_>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<EmailStatus, Failure> {
        let recipient = Recipient::read(view, mail.user_id).await?;
        let Some(known) = recipient.known() else {
            return Ok(EmailStatus::NoAddress);
        };
        let letter = mail.letter(known);
        let written = letter.map(|it| self.letterhead.write(it, self.clock.now()));
        let Some(Ok(written)) = written else {
            return Ok(EmailStatus::Failed);
        };
        match self.send(&written, attempt).await {
            Ok(()) => Ok(EmailStatus::Sent),
            Err(Failure::Park { reason, .. }) => Ok(End::<()>::Parked(reason).into()),
            Err(failure) => Err(failure),
        }
    }

    /// The mail's record; none if the user is gone.
    pub(crate) async fn remember_order_mail(
        &self,
        mail: &OrderMail<'_>,
        event_id: &str,
        status: EmailStatus,
        view: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        let recipient = Recipient::read(view, mail.user_id).await?;
        if recipient.is_gone() {
            return Ok(Vec::new());
        }
        let record = SentEmail {
            event_id: event_id.to_owned(),
            user_id: mail.user_id.to_owned(),
            template: mail.template.name().to_owned(),
            status,
            sent_at: self.clock.now(),
        };
        let had_mail = recipient.had_mail(mail.user_id, event_id);
        Ok(vec![record.write(), had_mail])
    }
}
