//! `payment.charge_requested` and `payment.refund_requested`: what an order costs is captured once,
//! and given back once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_consume::{Attempt, Failure, View};
use fanout_contracts::payment::{Captured, ChargeRequested, Declined, RefundRequested, Refunded};
use fanout_events::Envelope;
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Keys, OutsideStep, Ruling, UndoableOutside};
use fanout_store::{ReadError, Write};
use tokio::time::{Instant, timeout_at};

use crate::payment::{Payment, PaymentStatus};
use crate::provider::{Capture, Charge, PaymentProvider, ProviderError, TakenBack};

/// How long the provider may take to answer. One that is silent holds up the charges behind it for as
/// long; what it may have done is asked for by the same key.
const PATIENCE: Duration = Duration::from_secs(3);

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
    ) -> Result<Ruling<()>, Failure> {
        let charge = Charge {
            amount: asked.data.amount,
            method: asked.data.payment_method.clone(),
        };
        let capture = self.provider.capture(&keys.done, &charge);
        Ok(match answered(capture, attempt).await? {
            Capture::Captured => Ruling::Done(()),
            Capture::Declined => Ruling::Refused("declined".to_owned()),
        })
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
    ) -> Result<TakenBack, Failure> {
        let charge = Charge {
            amount: asked.amount,
            method: asked.payment_method.clone(),
        };
        let refund = self.provider.take_back(&keys.done, &keys.undone, &charge);
        answered(refund, attempt).await
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

/// What the provider answers, if it does in time. A call that it left unanswered may have had its
/// effect.
async fn answered<T>(
    call: impl Future<Output = Result<T, ProviderError>> + Send,
    attempt: &Attempt,
) -> Result<T, Failure> {
    let until = attempt.until.min(Instant::now() + PATIENCE);
    let unknown = |cause: fanout_runtime::BoxError| Failure::Retry {
        cause,
        may_have_acted: true,
    };
    match timeout_at(until, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unknown(error.into())),
        Err(elapsed) => Err(unknown(elapsed.into())),
    }
}
