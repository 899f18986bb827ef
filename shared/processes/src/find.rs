//! Finding instances, for operators.

use std::collections::BTreeSet;

use fanout_store::{Comparison, Direction, Documents, Query, ReadError, all_documents};

use crate::instance::Status;
use crate::stored::{PROCESSES, StoredProcess};

/// The instances that stand like this, those that changed last first, at most `limit`.
pub async fn find_processes(
    documents: &dyn Documents,
    status: Status,
    limit: u32,
) -> Result<Vec<StoredProcess>, ReadError> {
    let page = documents.query(&standing(status).limit(limit)).await?;
    let found = page.documents.iter().map(StoredProcess::from_document);
    Ok(found.collect::<Result<_, _>>()?)
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
