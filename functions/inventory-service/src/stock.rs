//! What there is of a product.

use std::collections::BTreeMap;

use fanout_contracts::ProductLine;
use fanout_store::{
    Collection, Document, Fields, Key, MalformedDocument, Precondition, UpdateTime, Write,
};
use serde::Serialize;

/// The collection of stock, by product.
pub const STOCK: &Collection = &Collection::named("stock").no_automatic_indexes();

/// The stock of products that many orders want at once, by product and shard.
pub const STOCK_SHARDS: &Collection = &Collection::named("stock_shards").no_automatic_indexes();

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

/// What one document has of a product, as it was read.
pub(crate) struct Read {
    pub(crate) stock: Stock,
    /// Over how many shards the product's stock lies, if this is the product's own document: 0 if it
    /// lies in this one.
    pub(crate) shards: u64,
    pub(crate) key: Key,
    version: UpdateTime,
}

/// What becomes of a quantity that an order wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is promised to the order.
    Reserve,
    /// It is promised no more.
    Release,
    /// It was promised, and is gone.
    Ship,
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

    /// The most of a quantity that a change can take here.
    pub(crate) fn most(&self, change: Change, quantity: u64) -> u64 {
        quantity.min(match change {
            Change::Reserve => self.available,
            Change::Release | Change::Ship => self.reserved,
        })
    }

    /// The same after a change; `None` where there are not that many.
    pub(crate) fn after(&self, change: Change, quantity: u64) -> Option<Self> {
        let (on_hand, reserved) = match change {
            Change::Reserve => (self.on_hand, self.reserved.checked_add(quantity)?),
            Change::Release => (self.on_hand, self.reserved.checked_sub(quantity)?),
            Change::Ship => (
                self.on_hand.checked_sub(quantity)?,
                self.reserved.checked_sub(quantity)?,
            ),
        };
        Self::of(&self.product_id, on_hand, reserved)
    }

    /// A product that was not there.
    pub(crate) fn create(&self) -> Write {
        Write::create(stock_key(&self.product_id), self.to_fields())
    }

    pub(crate) fn to_fields(&self) -> Fields {
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
            shards: match fields.get("shards") {
                None => 0,
                Some(_) => fields.count("shards")?,
            },
            key: document.key.clone(),
            version: document.update_time,
        })
    }

    /// Puts another stock in its place, if it is still as it was read.
    pub(crate) fn replace(&self, stock: &Stock) -> Write {
        Write::replace(self.key.clone(), stock.to_fields(), self.version)
    }

    /// Says that the product's stock lies over so many shards, if it is still as it was read.
    pub(crate) fn lies_over(&self, shards: u64) -> Write {
        let nothing = Stock {
            on_hand: 0,
            reserved: 0,
            available: 0,
            product_id: self.stock.product_id.clone(),
        };
        let fields = nothing.to_fields().with("shards", shards);
        Write::replace(self.key.clone(), fields, self.version)
    }

    /// Takes it away, if it is still as it was read.
    pub(crate) fn delete(&self) -> Write {
        Write::delete(self.key.clone()).only_if(Precondition::UpdatedAt(self.version))
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
