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
    query: Query,
) -> Result<Vec<Document>, StoreError> {
    let (all, _) = Pages::of(query).first(documents, usize::MAX).await?;
    Ok(all)
}

/// A query's documents, page by page.
pub struct Pages {
    /// Asks for the next page; `None` behind the last.
    pub query: Option<Query>,
}

impl Pages {
    /// From the first page on.
    pub fn of(query: Query) -> Self {
        let query = Some(query);
        Self { query }
    }

    /// The next page; `None` behind the last. After an error there is none.
    pub async fn next(
        &mut self,
        documents: &dyn Documents,
    ) -> Result<Option<Vec<Document>>, StoreError> {
        let Some(query) = self.query.take() else {
            return Ok(None);
        };
        let page = documents.query(&query).await?;
        self.query = page.next.map(|next| query.after(next));
        Ok(Some(page.documents))
    }
    /// The first documents, `most` of them; and whether there are more.
    pub async fn first(
        mut self,
        documents: &dyn Documents,
        most: usize,
    ) -> Result<(Vec<Document>, bool), StoreError> {
        let mut found = Vec::new();
        while let Some(page) = self.next(documents).await? {
            found.extend(page);
            if found.len() > most {
                found.truncate(most);
                return Ok((found, true));
            }
        }
        Ok((found, false))
    }
}
