//! What there is of a product.

use std::collections::BTreeMap;

use fanout_contracts::ProductLine;
use fanout_store::{Collection, Document, Fields, Key, MalformedDocument, UpdateTime, Write};
use serde::Serialize;

/// The collection of stock, by product.
pub const STOCK: &Collection = &Collection::named("stock").no_automatic_indexes();

/// What there is of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Stock {
    pub(crate) product_id: String,
    /// How many lie in the warehouse.
    pub(crate) on_hand: u64,
    /// How many of them are promised to orders: never more than there are.
    pub(crate) reserved: u64,
    /// How many can be promised.
    available: u64,
}

/// What there is of a product, as it was read.
pub(crate) struct Read {
    pub(crate) stock: Stock,
    version: UpdateTime,
}

impl Stock {
    /// `None` where more would be promised than there is.
    pub(crate) fn of(product_id: &str, on_hand: u64, reserved: u64) -> Option<Self> {
        Some(Self {
            product_id: product_id.to_owned(),
            on_hand,
            reserved,
            available: on_hand.checked_sub(reserved)?,
        })
    }

    /// With as many more promised; `None` where there are not that many.
    pub(crate) fn reserve(&self, quantity: u64) -> Option<Self> {
        let reserved = self.reserved.checked_add(quantity)?;
        Self::of(&self.product_id, self.on_hand, reserved)
    }

    /// With as many fewer promised; `None` where fewer are.
    pub(crate) fn release(&self, quantity: u64) -> Option<Self> {
        let reserved = self.reserved.checked_sub(quantity)?;
        Self::of(&self.product_id, self.on_hand, reserved)
    }

    /// With as many that were promised gone; `None` where fewer are.
    pub(crate) fn ship(&self, quantity: u64) -> Option<Self> {
        let on_hand = self.on_hand.checked_sub(quantity)?;
        let reserved = self.reserved.checked_sub(quantity)?;
        Self::of(&self.product_id, on_hand, reserved)
    }

    /// A product that was not there.
    pub(crate) fn create(&self) -> Write {
        Write::create(stock_key(&self.product_id), self.to_fields())
    }

    fn to_fields(&self) -> Fields {
        Fields::new()
            .with("product_id", self.product_id.as_str())
            .with("on_hand", self.on_hand)
            .with("reserved", self.reserved)
    }
}

impl Read {
    pub(crate) fn from_document(document: &Document) -> Result<Self, MalformedDocument> {
        let fields = &document.fields;
        let (on_hand, reserved) = (fields.count("on_hand")?, fields.count("reserved")?);
        let stock = Stock::of(fields.text("product_id")?, on_hand, reserved);
        Ok(Self {
            stock: stock.ok_or_else(|| MalformedDocument {
                field: "reserved".to_owned(),
                expected: "at most what is on hand",
            })?,
            version: document.update_time,
        })
    }

    /// Puts another stock in its place, if it is still as it was read.
    pub(crate) fn replace(&self, stock: &Stock) -> Write {
        Write::replace(
            stock_key(&stock.product_id),
            stock.to_fields(),
            self.version,
        )
    }
}

pub(crate) fn stock_key(product_id: &str) -> Key {
    Key::new(STOCK, product_id)
}

/// How many of each product: an order may name one twice, and a commit a document only once.
pub(crate) fn by_product(items: &[ProductLine]) -> BTreeMap<&str, u64> {
    let mut quantities = BTreeMap::new();
    for line in items {
        let quantity: &mut u64 = quantities.entry(line.product_id.as_str()).or_default();
        *quantity = quantity.saturating_add(line.quantity);
    }
    quantities
}
