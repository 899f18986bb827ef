//! What the facts of an order ask for whose participants react to each other.

use fanout_contracts::order::{OrderCreated, OrderWithdrawn, choreographed};
use fanout_contracts::payment::Captured;
use fanout_contracts::shipping::ShipmentRequested;
use fanout_events::StepRef;

/// The step.
const SHIP: &str = "ship";

/// What is paid is shipped.
pub(crate) fn ship(captured: &Captured) -> Option<ShipmentRequested> {
    requested(captured.order.as_deref()?, &captured.step)
}

/// What is withdrawn is shipped no more.
pub(crate) fn ship_no_more(withdrawn: &OrderWithdrawn) -> Option<ShipmentRequested> {
    requested(&withdrawn.order, &withdrawn.step)
}

fn requested(order: &OrderCreated, step: &StepRef) -> Option<ShipmentRequested> {
    Some(ShipmentRequested {
        order_id: order.order_id.clone(),
        items: order.lines(),
        country: order.country.clone(),
        step: choreographed(step, SHIP)?,
    })
}
