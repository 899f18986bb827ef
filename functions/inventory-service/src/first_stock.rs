//! What a new shop begins with, on one machine.

use fanout_store::{CommitError, Documents, StoreError};

use crate::stock::Stock;

/// The products of a new shop, by number.
const PRODUCTS: std::ops::RangeInclusive<u32> = 1..=10;
/// How many of each lie in the warehouse of a new shop.
const ON_HAND: u64 = 50;

/// Puts 50 each of the products 1 to 10 in stock, where nothing is known of the product yet.
pub async fn stock_first_products(documents: &dyn Documents) -> Result<(), StoreError> {
    for product in PRODUCTS {
        let Some(stock) = Stock::of(&product.to_string(), ON_HAND, 0) else {
            continue;
        };
        match documents.commit(vec![stock.create()]).await {
            // It was there: what has become of it stays.
            Ok(_) | Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Store(error)) => return Err(error),
            Err(CommitError::Contention(cause)) => return Err(StoreError::Unavailable(cause)),
        }
    }
    Ok(())
}
