//! What is promised to an order, and whether it has left.

use fanout_contracts::ProductLine;
use fanout_store::{Collection, Fields, Key, Write};

/// The collection of reservations, by order.
pub const RESERVATIONS: &Collection = &Collection::named("reservations").no_automatic_indexes();

/// How far a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Reserved,
    Released,
    Shipped,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Released => "released",
            Self::Shipped => "shipped",
        }
    }
}

pub(crate) fn reservation_key(order_id: &str) -> Key {
    Key::new(RESERVATIONS, order_id)
}

/// Keeps how far an order's reservation is.
pub(crate) fn kept(order_id: &str, status: Status) -> Write {
    let fields = Fields::new()
        .with("order_id", order_id)
        .with("status", status.as_str());
    Write::set(reservation_key(order_id), fields)
}

/// What is kept of a reservation for its undo.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Reservation {
    pub(crate) order_id: String,
    pub(crate) items: Vec<ProductLine>,
}
