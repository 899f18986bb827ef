//! What the facts of an order ask for whose participants react to each other.

use fanout_contracts::inventory::{ReleaseRequested, ReservationRequested};
use fanout_contracts::order::{OrderCreated, choreographed};
use fanout_events::OfStep;

/// The step.
const RESERVE: &str = "reserve";

/// A new order's items are reserved.
pub(crate) fn reserve(order: &OrderCreated) -> Option<ReservationRequested> {
    Some(ReservationRequested {
        order_id: order.order_id.clone(),
        items: order.lines(),
        step: choreographed(order.step.as_ref()?, RESERVE)?,
    })
}

/// What is not paid is released.
pub(crate) fn release<T: OfStep>(unpaid: &T) -> Option<ReleaseRequested> {
    // Not everything is told to participants.
    unpaid.flow()?;
    let step = choreographed(unpaid.step(), RESERVE)?;
    Some(ReleaseRequested {
        order_id: step.key.clone(),
        step,
    })
}
