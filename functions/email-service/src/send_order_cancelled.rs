//! `order.cancelled`: the user is told so.

use async_trait::async_trait;
use fanout_consume::{Acted, Attempt, End, Failure, OutsideEffect, UnitOfWork, View};
use fanout_contracts::order::OrderCancelled;
use fanout_events::Envelope;
use fanout_store::ReadError;

use crate::mails::Mails;
use crate::order_mail::{OrderMail, OrderTemplate};
use crate::sent_email::EmailStatus;

/// Tells the user that the order was given up.
pub(crate) struct SendOrderCancelled(pub(crate) Mails);

fn mail(event: &Envelope<OrderCancelled>) -> OrderMail<'_> {
    let order = &event.data;
    OrderMail {
        template: OrderTemplate::Cancelled {
            reason: &order.reason,
        },
        id: &event.id,
        user_id: &order.user_id,
        order_id: &order.order_id,
        total: order.total,
    }
}

#[async_trait]
impl OutsideEffect<OrderCancelled> for SendOrderCancelled {
    type Output = EmailStatus;

    async fn act(
        &self,
        event: &Envelope<OrderCancelled>,
        attempt: &Attempt,
        view: &View<'_>,
    ) -> Result<Acted<EmailStatus>, Failure> {
        let status = self.0.send_order_mail(&mail(event), attempt, view).await?;
        Ok(Acted::Done(status))
    }

    async fn remember(
        &self,
        event: &Envelope<OrderCancelled>,
        end: End<'_, EmailStatus>,
        view: &View<'_>,
    ) -> Result<UnitOfWork, ReadError> {
        let status = match end {
            End::Done(status) => *status,
            End::Parked(_) => EmailStatus::Failed,
        };
        let mail = mail(event);
        let writes = self
            .0
            .remember_order_mail(&mail, &event.id, status, view)
            .await?;
        Ok(writes.into())
    }
}
