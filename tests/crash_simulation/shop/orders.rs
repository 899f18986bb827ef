//! What is ordered. Each customer places one order, whose price tells it apart: so what the provider
//! captures can be told apart too.

use fanout_store::{Fields, Key, Write};
use inventory_service::STOCK;
use serde_json::{Value, json};

/// How many lie in the warehouse at first: enough for two orders.
pub(crate) const ON_HAND: u64 = 5;
/// How many each order wants.
pub(crate) const QUANTITY: u64 = 2;
/// The one product there is.
pub(super) const PRODUCT: &str = "1";

/// What is special about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Fine,
    /// Its payment is declined.
    Declined,
    /// The provider captures it, and never says so.
    Silent,
    /// Nothing is shipped to where it should go.
    Nowhere,
    /// The same, and for hours the provider gives nothing back.
    Unrefundable,
    /// There is no such product.
    Unknown,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Fine,
        Self::Declined,
        Self::Silent,
        Self::Nowhere,
        Self::Unrefundable,
        Self::Unknown,
    ];
}

/// Whose order number n is. Nothing tells where their mails go.
pub(crate) fn customer(number: u64) -> String {
    format!("customer_{number}")
}

/// Whose order it is, by number.
pub(crate) fn number_of(customer: &str) -> Option<u64> {
    customer.strip_prefix("customer_")?.parse().ok()
}

/// What order number n costs, in cents.
pub(crate) fn total(number: u64) -> u64 {
    number * QUANTITY
}

/// The body of its request.
pub(crate) fn body(number: u64, kind: Kind) -> Value {
    let method = match kind {
        Kind::Declined => "tok_declined",
        Kind::Silent => "tok_silent",
        Kind::Fine | Kind::Nowhere | Kind::Unrefundable | Kind::Unknown => "tok_ok",
    };
    let is_nowhere = matches!(kind, Kind::Nowhere | Kind::Unrefundable);
    json!({
        "user_id": customer(number),
        "product_id": if kind == Kind::Unknown { "77" } else { PRODUCT },
        "quantity": QUANTITY,
        "price": format!("0.{number:02}"),
        "payment_method": method,
        "ship_to": {"country": if is_nowhere { "ZZ" } else { "US" }},
    })
}

/// What the warehouse begins with.
pub(crate) fn first_stock() -> Write {
    let fields = Fields::new()
        .with("product_id", PRODUCT)
        .with("on_hand", ON_HAND)
        .with("reserved", 0_u64);
    Write::create(Key::new(STOCK, PRODUCT), fields)
}
