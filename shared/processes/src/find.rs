//! Finding instances, for operators.

use std::collections::BTreeSet;

use fanout_store::{
    Comparison, Cursor, Direction, Document, Documents, Query, ReadError, StoreError, all_documents,
};

use crate::instance::Status;
use crate::stored::{PROCESSES, StoredProcess};

/// Some of the instances that stand like this.
#[derive(Debug, Default)]
pub struct ProcessPage {
    /// Those that changed last first.
    pub found: Vec<StoredProcess>,
    /// The ids of documents that cannot be read: somebody changed them by hand.
    pub unreadable: Vec<String>,
    /// The last document of the page, readable or not, if there are more behind it.
    pub last: Option<Document>,
}

/// The instances that stand like this and come after a cursor, or the first; at most `limit`.
pub async fn page_of_processes(
    documents: &dyn Documents,
    status: Status,
    limit: u32,
    after: Option<Cursor>,
) -> Result<ProcessPage, StoreError> {
    // One more, to know whether this page is the last.
    let mut query = standing(status).limit(limit.saturating_add(1));
    query.after = after;
    let documents = documents.query(&query).await?.documents;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut page = ProcessPage::default();
    if documents.len() > most {
        page.last = documents.get(most.saturating_sub(1)).cloned();
    }
    for document in documents.iter().take(most) {
        match StoredProcess::from_document(document) {
            Ok(stored) => page.found.push(stored),
            Err(_) => page.unreadable.push(document.key.id().to_owned()),
        }
    }
    Ok(page)
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
