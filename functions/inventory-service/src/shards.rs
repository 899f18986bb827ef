//! The stock of a product that many orders want at once lies over several documents, its shards: a
//! document takes one change at a time, and Firestore about one a second.
//!
//! An order's share of them begins at a shard that follows from its id, so that orders spread; it
//! goes on to the others where there are too few. What an order was promised need not come back to
//! where it was taken: only the sums mean anything. The product's own document has none while there
//! are shards, and says how many there are.

use fanout_consume::{Failure, View};
use fanout_store::{Document, Documents, Key, MalformedDocument, ReadError, Write, spread};

use crate::stock::{Change, Read, STOCK_SHARDS, Stock, stock_key};

/// The shards changed between two reads; the next plan reads them anew.
#[derive(Debug, thiserror::Error)]
#[error("the stock of a product was divided anew meanwhile")]
struct DividedAnew;

/// All that there is of a product: its own document, and its shards.
pub(crate) struct Whole {
    pub(crate) own: Read,
    pub(crate) shards: Vec<Read>,
}

impl Whole {
    /// The documents that have stock.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Read> {
        let own = Some(&self.own).filter(|own| own.shards == 0);
        own.into_iter().chain(&self.shards)
    }

    /// On hand and reserved, of all parts.
    pub(crate) fn sums(&self) -> (u64, u64) {
        let parts = self.parts().map(|part| &part.stock);
        parts.fold((0, 0), |(on_hand, reserved), stock| {
            (on_hand + stock.on_hand, reserved + stock.reserved)
        })
    }

    /// What there is of all parts together; `None` never, as each has at most what it has on hand.
    pub(crate) fn stock(&self) -> Option<Stock> {
        let (on_hand, reserved) = self.sums();
        Stock::of(&self.own.stock.product_id, on_hand, reserved)
    }

    /// Reads it as it is at one moment; `None` where there is no such product.
    pub(crate) async fn read(
        documents: &dyn Documents,
        product_id: &str,
    ) -> Result<Option<Self>, ReadError> {
        let mut own = documents.get(&stock_key(product_id)).await?;
        while let Some(known) = own.take() {
            let known = Read::from_document(&known)?;
            if known.shards == 0 {
                let shards = Vec::new();
                return Ok(Some(Self { own: known, shards }));
            }
            let mut found = documents
                .get_many(&all_keys(product_id, known.shards))
                .await?;
            own = found.remove(0);
            let now = own.as_ref().map(Read::from_document).transpose()?;
            if let Some(now) = now.filter(|now| now.shards == known.shards) {
                let shards = found.iter().flatten().map(Read::from_document);
                let shards = shards.collect::<Result<_, MalformedDocument>>()?;
                return Ok(Some(Self { own: now, shards }));
            }
            // It was divided anew between the two reads.
        }
        Ok(None)
    }
}

/// Where a shard of a product is, by number from 0.
pub(crate) fn shard_key(product_id: &str, number: u64) -> Key {
    Key::new(STOCK_SHARDS, &format!("{product_id}:{number:03}"))
}

/// The product's own document, then its shards.
fn all_keys(product_id: &str, shards: u64) -> Vec<Key> {
    let shards = (0..shards).map(|it| shard_key(product_id, it));
    [stock_key(product_id)].into_iter().chain(shards).collect()
}

/// What a quantity of a product changes where it lies over shards; `None` where there are too few.
pub(crate) async fn change_shards(
    own: &Read,
    order_id: &str,
    quantity: u64,
    change: Change,
    view: &View<'_>,
) -> Result<Option<Vec<Write>>, Failure> {
    let product_id = &own.stock.product_id;
    // After a conflict another shard: the one that was wanted is wanted by others as well.
    let first = spread(order_id, own.shards) + u64::from(view.conflicts());
    let first = first % own.shards;
    let read = |document: &Option<Document>| {
        let document = document.as_ref();
        let document = document.ok_or_else(|| Failure::retry(DividedAnew))?;
        Ok::<Read, Failure>(Read::from_document(document)?)
    };
    let likely = read(&view.get(&shard_key(product_id, first)).await?)?;
    if let Some(stock) = likely.stock.after(change, quantity) {
        return Ok(Some(vec![likely.replace(&stock)]));
    }
    // All at one moment: between two, others may be divided anew.
    let mut found = view.get_many(&all_keys(product_id, own.shards)).await?;
    let own_now = read(&found.remove(0))?;
    if own_now.shards != own.shards {
        return Err(Failure::retry(DividedAnew));
    }
    let mut left = quantity;
    let mut writes = Vec::new();
    let start = usize::try_from(first).unwrap_or_default();
    for document in found.iter().cycle().skip(start).take(found.len()) {
        let part = read(document)?;
        let taken = part.stock.most(change, left);
        if let Some(stock) = part.stock.after(change, taken).filter(|_| taken > 0) {
            writes.push(part.replace(&stock));
            left -= taken;
        }
    }
    Ok((left == 0).then_some(writes))
}
