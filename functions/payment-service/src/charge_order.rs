//! `payment.charge_requested` and `payment.refund_requested`: what an order costs is captured once,
//! and given back once.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_consume::{Attempt, Failure, View};
use fanout_contracts::payment::{Captured, ChargeRequested, Declined, RefundRequested, Refunded};
use fanout_events::Envelope;
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Keys, OutsideStep, Ruling, UndoableOutside};
use fanout_store::{ReadError, Write};

use crate::ask_provider::ask_provider;
use crate::payment::{Payment, PaymentStatus};
use crate::provider::{Capture, Charge, PaymentProvider, TakenBack};

/// The step `charge` of an order.
#[derive(Clone)]
pub(crate) struct ChargeOrder {
    pub(crate) provider: Arc<dyn PaymentProvider>,
}

#[async_trait]
impl OutsideStep for ChargeOrder {
    type Asked = ChargeRequested;
    type Outcome = ();
    const SUBJECT: &'static str = "pay";

    async fn perform(
        &self,
        asked: &Envelope<ChargeRequested>,
        keys: &Keys,
        attempt: &Attempt,
        _: &View<'_>,
    ) -> Result<Option<Ruling<()>>, Failure> {
        let charge = Charge {
            amount: asked.data.amount,
            method: asked.data.payment_method.clone(),
        };
        let call = || self.provider.capture(&keys.done, &charge);
        let capture =
            ask_provider(call, self.provider.patience(), &asked.data.step, attempt).await?;
        Ok(capture.map(|capture| match capture {
            Capture::Captured => Ruling::Done(()),
            Capture::Declined => Ruling::Refused("declined".to_owned()),
        }))
    }

    async fn remember(
        &self,
        asked: &Envelope<ChargeRequested>,
        subject: &str,
        ruling: &Ruling<()>,
        _: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        let status = match ruling {
            Ruling::Done(()) => PaymentStatus::Captured,
            Ruling::Refused(_) => PaymentStatus::Declined,
        };
        let asked = &asked.data;
        let payment = Payment::of(subject, &asked.order_id, status, asked.amount);
        Ok(vec![payment.write()])
    }

    fn answer(
        &self,
        asked: &ChargeRequested,
        to: Answer,
        ruling: &Ruling<()>,
    ) -> Result<Draft, UnwritableEvent> {
        let (payment_id, order_id) = (to.subject.clone(), asked.order_id.clone());
        let step = asked.step.clone();
        match ruling {
            Ruling::Done(()) => {
                let captured = Captured {
                    payment_id,
                    order_id,
                    currency: asked.currency,
                    amount: asked.amount,
                    order: None,
                    step,
                };
                Draft::of(to.subject, to.sequence, &captured)
            }
            Ruling::Refused(reason) => {
                let declined = Declined {
                    payment_id,
                    order_id,
                    reason: reason.clone(),
                    step,
                };
                Draft::of(to.subject, to.sequence, &declined)
            }
        }
    }
}

#[async_trait]
impl UndoableOutside for ChargeOrder {
    type Undo = RefundRequested;
    type Undone = TakenBack;

    async fn undo(
        &self,
        asked: &RefundRequested,
        keys: &Keys,
        attempt: &Attempt,
    ) -> Result<Option<TakenBack>, Failure> {
        let charge = Charge {
            amount: asked.amount,
            method: asked.payment_method.clone(),
        };
        let call = || self.provider.take_back(&keys.done, &keys.undone, &charge);
        ask_provider(call, self.provider.patience(), &asked.step, attempt).await
    }

    async fn remember_undone(
        &self,
        asked: &RefundRequested,
        subject: &str,
        undone: &TakenBack,
        _: &View<'_>,
    ) -> Result<Vec<Write>, ReadError> {
        let payment = |status| Payment::of(subject, &asked.order_id, status, asked.amount).write();
        Ok(match undone {
            TakenBack::Refunded => vec![payment(PaymentStatus::Refunded)],
            TakenBack::NothingCaptured => Vec::new(),
        })
    }

    fn undone(&self, asked: &RefundRequested, to: Answer) -> Result<Draft, UnwritableEvent> {
        let refunded = Refunded {
            payment_id: to.subject.clone(),
            order_id: asked.order_id.clone(),
            step: asked.step.clone(),
        };
        Draft::of(to.subject, to.sequence, &refunded)
    }
}
