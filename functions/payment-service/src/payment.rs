//! What was captured for an order, and whether it was given back.

use fanout_contracts::Money;
use fanout_store::{
    Collection, Comparison, Fields, Key, MalformedDocument, Query, Write, ascending,
};
use serde::Serialize;

/// The collection of payments.
pub const PAYMENTS: &Collection = &Collection::named("payments")
    .indexes(&[&[ascending("order_id")]])
    .no_automatic_indexes();

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) status: PaymentStatus,
    /// A decimal.
    pub(crate) amount: String,
    pub(crate) currency: String,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PaymentStatus {
    /// The money is ours.
    Captured,
    /// It was never ours.
    Declined,
    /// It was ours, and was given back.
    Refunded,
}

impl PaymentStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Declined => "declined",
            Self::Refunded => "refunded",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Captured, Self::Declined, Self::Refunded]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl Payment {
    pub(crate) fn of(id: &str, order_id: &str, status: PaymentStatus, amount: Money) -> Self {
        Self {
            id: id.to_owned(),
            order_id: order_id.to_owned(),
            status,
            amount: amount.to_string(),
            currency: amount.currency().to_string(),
        }
    }

    pub(crate) fn of_order(order_id: &str) -> Query {
        Query::of(PAYMENTS).only("order_id", Comparison::Equal, order_id)
    }

    /// The step's fence stands before it: it is committed in the order in which it happens.
    pub(crate) fn write(&self) -> Write {
        let fields = Fields::new()
            .with("id", self.id.as_str())
            .with("order_id", self.order_id.as_str())
            .with("status", self.status.as_str())
            .with("amount", self.amount.as_str())
            .with("currency", self.currency.as_str());
        Write::set(Key::new(PAYMENTS, &self.id), fields)
    }

    pub(crate) fn from_fields(fields: &Fields) -> Result<Self, MalformedDocument> {
        let status = PaymentStatus::parse(fields.text("status")?);
        Ok(Self {
            id: fields.text("id")?.to_owned(),
            order_id: fields.text("order_id")?.to_owned(),
            status: status.ok_or_else(|| MalformedDocument {
                field: "status".to_owned(),
                expected: "captured, declined or refunded",
            })?,
            amount: fields.text("amount")?.to_owned(),
            currency: fields.text("currency")?.to_owned(),
        })
    }
}
