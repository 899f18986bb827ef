//! A line of an order.

use fanout_events::{JsonFields, WrongField};
use schemars::JsonSchema;
use serde::Serialize;

use crate::product_lines::each_item;
use crate::{Currency, Money, ProductLine};

/// A number of items of one product, at a price.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
pub struct OrderItem {
    /// The product's id.
    pub product_id: String,
    /// How many, from 1.
    #[schemars(range(min = 1))]
    pub quantity: u64,
    /// What one of them costs.
    pub price: Money,
}

impl OrderItem {
    /// Reads the data's `items`.
    pub(super) fn read_all(
        data: &JsonFields<'_>,
        currency: Currency,
    ) -> Result<Vec<Self>, WrongField> {
        each_item(data, |item| {
            Ok(Self {
                product_id: item.identifier("product_id")?.to_owned(),
                quantity: item.count("quantity")?,
                price: Money::read(item, "price", currency)?,
            })
        })
    }

    /// The same without the price: what stock and shipping go by.
    pub fn line(&self) -> ProductLine {
        ProductLine {
            product_id: self.product_id.clone(),
            quantity: self.quantity,
        }
    }
}
