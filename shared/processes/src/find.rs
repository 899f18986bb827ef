//! Finding instances, for operators.

use std::collections::BTreeSet;

use fanout_store::{Comparison, Cursor, Direction, Documents, Query, ReadError, all_documents};

use crate::instance::Status;
use crate::stored::{PROCESSES, StoredProcess};

/// The instances that stand like this, those that changed last first, at most `limit`.
pub async fn find_processes(
    documents: &dyn Documents,
    status: Status,
    limit: u32,
) -> Result<Vec<StoredProcess>, ReadError> {
    let (found, _) = page_of_processes(documents, status, limit, None).await?;
    Ok(found)
}

/// Those that come after a cursor, or the first; and whether there are more.
pub async fn page_of_processes(
    documents: &dyn Documents,
    status: Status,
    limit: u32,
    after: Option<Cursor>,
) -> Result<(Vec<StoredProcess>, bool), ReadError> {
    // One more, to know whether this page is the last.
    let mut query = standing(status).limit(limit.saturating_add(1));
    query.after = after;
    let page = documents.query(&query).await?.documents;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = page.iter().take(most).map(StoredProcess::from_document);
    Ok((found.collect::<Result<_, _>>()?, page.len() > most))
}

/// The versions that have open instances, by the process's name.
pub async fn open_versions(
    documents: &dyn Documents,
) -> Result<BTreeSet<(String, u32)>, ReadError> {
    let mut versions = BTreeSet::new();
    for status in Status::ALL.into_iter().filter(|status| status.is_open()) {
        for document in all_documents(documents, standing(status)).await? {
            let stored = StoredProcess::from_document(&document)?;
            versions.insert((stored.name, stored.version));
        }
    }
    Ok(versions)
}

fn standing(status: Status) -> Query {
    Query::of(PROCESSES)
        .only("status", Comparison::Equal, status.as_str())
        .order_by("updated_at", Direction::Descending)
}
