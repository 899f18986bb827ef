//! Reading all pages of a query, and why that fails.

use crate::{Document, Documents, MalformedDocument, Query, StoreError};

/// Why stored documents could not be read into an answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored document is not what it should be.
    #[error(transparent)]
    Malformed(#[from] MalformedDocument),
}

/// Every document of a query, over all its pages. For results that are known to be few.
pub async fn all_documents(
    documents: &dyn Documents,
    mut query: Query,
) -> Result<Vec<Document>, StoreError> {
    let mut all = Vec::new();
    loop {
        let page = documents.query(&query).await?;
        all.extend(page.documents);
        match page.next {
            Some(next) => query = query.after(next),
            None => return Ok(all),
        }
    }
}
