//! The process of an order: which steps, in which order, and how each is undone.

use std::sync::Arc;
use std::time::Duration;

use fanout_contracts::inventory::{
    ReleaseRequested, Released, ReservationRefused, ReservationRequested, Reserved,
};
use fanout_contracts::mail::{ConfirmationRequested, MailSent};
use fanout_contracts::order::{OrderCancelled, OrderConfirmed, OrderCreated};
use fanout_contracts::payment::{Captured, ChargeRequested, Declined, RefundRequested, Refunded};
use fanout_contracts::shipping::{ShipmentCreated, ShipmentRefused, ShipmentRequested};
use fanout_events::StepRef;
use fanout_outbox::Draft;
use fanout_processes::saga::Asking;
use fanout_processes::{Machine, Pace, Saga, machine};

use crate::PROCESS;
use crate::order::mirrored;

pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// reserve, charge, ship, confirm. Version 1.
pub fn order_process(pace: Pace) -> Arc<dyn Machine> {
    machine(
        Saga::named(PROCESS, 1, pace)
            .step("reserve", reserve)
            .done_by::<Reserved>()
            .refused_by::<ReservationRefused>()
            .undo(release)
            .undone_by::<Released>()
            .within(minutes(2))
            .step("charge", charge)
            .done_by::<Captured>()
            .refused_by::<Declined>()
            .undo(refund)
            .undone_by::<Refunded>()
            .within(minutes(5))
            .step("ship", ship)
            .done_by::<ShipmentCreated>()
            .refused_by::<ShipmentRefused>()
            .pivot()
            .within(minutes(10))
            .step("confirm", confirm)
            .done_by::<MailSent>()
            .retriable()
            .within(minutes(2))
            .ended(
                |order| Draft::of(&order.order_id, 2, &confirmed(order)),
                |order, why| Draft::of(&order.order_id, 2, &cancelled(order, &why.reason)),
            )
            .mirrored(|_, instance, now| vec![mirrored(instance, now)]),
    )
}

fn reserve(asking: Asking<'_, OrderCreated>) -> ReservationRequested {
    ReservationRequested {
        order_id: asking.of.order_id.clone(),
        items: asking.of.lines(),
        step: asking.step,
    }
}

fn release(asking: Asking<'_, OrderCreated>) -> ReleaseRequested {
    ReleaseRequested {
        order_id: asking.of.order_id.clone(),
        step: asking.step,
    }
}

fn charge(asking: Asking<'_, OrderCreated>) -> ChargeRequested {
    let (order, step): (&OrderCreated, StepRef) = (asking.of, asking.step);
    ChargeRequested {
        order_id: order.order_id.clone(),
        currency: order.currency,
        amount: order.total,
        payment_method: order.payment_method.clone(),
        step,
    }
}

fn refund(asking: Asking<'_, OrderCreated>) -> RefundRequested {
    let (order, step): (&OrderCreated, StepRef) = (asking.of, asking.step);
    RefundRequested {
        order_id: order.order_id.clone(),
        currency: order.currency,
        amount: order.total,
        payment_method: order.payment_method.clone(),
        step,
    }
}

fn ship(asking: Asking<'_, OrderCreated>) -> ShipmentRequested {
    ShipmentRequested {
        order_id: asking.of.order_id.clone(),
        items: asking.of.lines(),
        country: asking.of.country.clone(),
        step: asking.step,
    }
}

fn confirm(asking: Asking<'_, OrderCreated>) -> ConfirmationRequested {
    confirmation(asking.of, asking.step)
}

pub(crate) fn confirmation(order: &OrderCreated, step: StepRef) -> ConfirmationRequested {
    ConfirmationRequested {
        order_id: order.order_id.clone(),
        user_id: order.user_id.clone(),
        currency: order.currency,
        total: order.total,
        step,
    }
}

pub(crate) fn confirmed(order: &OrderCreated) -> OrderConfirmed {
    OrderConfirmed {
        order_id: order.order_id.clone(),
        user_id: order.user_id.clone(),
        currency: order.currency,
        total: order.total,
    }
}

pub(crate) fn cancelled(order: &OrderCreated, reason: &str) -> OrderCancelled {
    OrderCancelled {
        order_id: order.order_id.clone(),
        user_id: order.user_id.clone(),
        currency: order.currency,
        total: order.total,
        reason: reason.to_owned(),
    }
}
