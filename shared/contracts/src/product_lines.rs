//! How many of which products: what an order, a reservation and a shipment are about.

use std::fmt::Display;

use fanout_events::{JsonFields, WrongField};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most lines of one order.
pub const MOST_LINES: usize = 100;

/// A number of items of one product.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ProductLine {
    /// The product's id.
    pub product_id: String,
    /// How many, from 1.
    #[schemars(range(min = 1))]
    pub quantity: u64,
}

impl ProductLine {
    /// Reads the data's `items`.
    pub(crate) fn read_all(data: &JsonFields<'_>) -> Result<Vec<Self>, WrongField> {
        each_item(data, Self::read)
    }

    fn read(item: &JsonFields<'_>) -> Result<Self, WrongField> {
        Ok(Self {
            product_id: item.identifier("product_id")?.to_owned(),
            quantity: item.count("quantity")?,
        })
    }
}

/// Reads each of the data's `items`, 1 to [`MOST_LINES`] objects.
pub(crate) fn each_item<T>(
    data: &JsonFields<'_>,
    read: impl Fn(&JsonFields<'_>) -> Result<T, WrongField>,
) -> Result<Vec<T>, WrongField> {
    let wrong = |fault: &dyn Display| data.wrong("items", fault.to_string());
    let Some(Value::Array(items)) = data.get("items") else {
        return Err(wrong(&"must be an array"));
    };
    if !(1..=MOST_LINES).contains(&items.len()) {
        return Err(wrong(&format_args!("must have 1 to {MOST_LINES} elements")));
    }
    let fields = items.iter().map(|item| match item {
        Value::Object(object) => read(&JsonFields::new("data.items[].", object)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(wrong(&"must hold objects only"))
        }
    });
    fields.collect()
}
