//! What the facts of an order ask for whose participants react to each other.

use fanout_contracts::inventory::Reserved;
use fanout_contracts::order::choreographed;
use fanout_contracts::payment::{ChargeRequested, RefundRequested};
use fanout_contracts::shipping::ShipmentRefused;

/// The step.
const CHARGE: &str = "charge";

/// What is reserved is paid.
pub(crate) fn charge(reserved: &Reserved) -> Option<ChargeRequested> {
    let order = reserved.order.as_deref()?;
    Some(ChargeRequested {
        order_id: order.order_id.clone(),
        currency: order.currency,
        amount: order.total,
        payment_method: order.payment_method.clone(),
        step: choreographed(&reserved.step, CHARGE)?,
    })
}

/// What is not shipped is paid back.
pub(crate) fn refund(refused: &ShipmentRefused) -> Option<RefundRequested> {
    let order = refused.order.as_deref()?;
    Some(RefundRequested {
        order_id: order.order_id.clone(),
        currency: order.currency,
        amount: order.total,
        payment_method: order.payment_method.clone(),
        step: choreographed(&refused.step, CHARGE)?,
    })
}
