//! Deleting the rows of generations that nothing feeds any more.

use fanout_store::Write;

use crate::rebuilds::{Next, RebuildError, Run};
use crate::row::rows_of;

/// How many rows a commit deletes.
const PAGE: u32 = 400;

impl Run<'_> {
    pub(crate) async fn drop_rows(&mut self, generation: u64) -> Result<Next, RebuildError> {
        let documents = self.rebuilds.documents.as_ref();
        for table in self.projection.tables.iter().copied() {
            let page = documents
                .query(&rows_of(table, generation).limit(PAGE))
                .await?;
            if !page.documents.is_empty() {
                let rows = page.documents.into_iter();
                documents
                    .commit(rows.map(|row| Write::delete(row.key)).collect())
                    .await?;
                return Ok(Next::GoOn);
            }
        }
        self.standing.dropped.retain(|it| *it != generation);
        self.settle_for(vec![]).await
    }
}
