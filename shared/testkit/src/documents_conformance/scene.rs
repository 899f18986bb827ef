//! What the cases have in common.

use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::{IdGenerator, SystemIds};
use fanout_store::{
    Collection, CommitError, CommitReceipt, Conflict, Document, Documents, Fields, Index, Key,
    Query, StoreError, UpdateTime, Write, ascending, descending,
};
use tokio::time::{Instant, sleep};

/// The store under test.
pub(super) type Store = Arc<dyn Documents>;

/// The longest that writers on one document may get in each other's way.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the cases' queries need.
const INDEXES: &[Index] = &[
    &[ascending("v")],
    &[ascending("n")],
    &[ascending("subject")],
    &[ascending("a"), ascending("b")],
    &[ascending("a"), descending("b")],
    &[descending("a"), ascending("b")],
    &[descending("a"), descending("b")],
    &[ascending("v"), ascending("w")],
    &[descending("v"), descending("w")],
    &[ascending("n"), ascending("m")],
    &[ascending("subject"), ascending("v")],
    &[ascending("state"), ascending("owner")],
    &[ascending("state"), ascending("owner"), ascending("n")],
];

/// A collection that no other case uses. It lives as long as the test process: collections are
/// constants everywhere else.
pub(super) fn new_collection() -> &'static Collection {
    indexed(INDEXES)
}

/// The same with indexes of its own.
pub(super) fn indexed(indexes: &'static [Index]) -> &'static Collection {
    let name = SystemIds.new_id("conformance").leak();
    Box::leak(Box::new(Collection::named(name).indexes(indexes)))
}

/// A document of a collection of its own.
pub(super) fn new_key() -> Key {
    Key::new(new_collection(), "a")
}

/// Makes one write that must succeed.
pub(super) async fn write(store: &Store, write: Write) -> UpdateTime {
    let receipt = store.commit(vec![write]).await.expect("the write succeeds");
    receipt.update_times[0].expect("the write leaves a version")
}

/// The document, which must exist.
pub(super) async fn read(store: &Store, key: &Key) -> Document {
    let document = store.get(key).await.expect("the read succeeds");
    document.expect("the document exists")
}

/// The fields of a document that must exist.
pub(super) async fn fields(store: &Store, key: &Key) -> Fields {
    read(store, key).await.fields
}

/// Whether the document exists.
pub(super) async fn exists(store: &Store, key: &Key) -> bool {
    let document = store.get(key).await.expect("the read succeeds");
    document.is_some()
}

/// The conflict of a commit that must fail with one.
pub(super) async fn conflict(store: &Store, writes: Vec<Write>) -> Conflict {
    match store.commit(writes).await {
        Err(CommitError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Asserts that a commit is refused: a fault of the program, not of the moment.
pub(super) async fn assert_refused(store: &Store, writes: Vec<Write>, what: &str) {
    match store.commit(writes).await {
        Err(CommitError::Store(StoreError::Refused(_))) => {}
        other => panic!("{what}: expected a refusal, got {other:?}"),
    }
}

/// Asserts that a query is refused, and that the reason says this.
pub(super) async fn assert_query_refused(store: &Store, query: Query, said: &str) {
    match store.query(&query).await {
        Err(StoreError::Refused(reason)) => {
            let reason = reason.to_string();
            assert!(reason.contains(said), "{reason}");
        }
        other => panic!("{said}: expected a refusal, got {other:?}"),
    }
}

/// Commits as callers do: `Contention` is tried again after a random pause that grows.
pub(super) async fn commit_patiently(
    store: &Store,
    writes: Vec<Write>,
) -> Result<CommitReceipt, CommitError> {
    let deadline = Instant::now() + PATIENCE;
    let mut longest = Duration::from_millis(10);
    loop {
        match store.commit(writes.clone()).await {
            Err(CommitError::Contention(_)) if Instant::now() < deadline => {
                sleep(longest.mul_f64(SystemIds.fraction())).await;
                longest = (longest * 2).min(Duration::from_secs(1));
            }
            other => return other,
        }
    }
}

/// The ids of all pages, page by page, until there is no next one.
pub(super) async fn pages(store: &Store, query: Query) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut next = Some(query.clone());
    while let Some(query_now) = next {
        let page = store.query(&query_now).await.expect("the query succeeds");
        let ids = page.documents.iter().map(|d| d.key.id().to_owned());
        pages.push(ids.collect());
        assert!(pages.len() < 100, "the pages do not end");
        next = page.next.map(|cursor| query.clone().after(cursor));
    }
    pages
}

/// The ids of all documents that a query finds, in order.
pub(super) async fn found(store: &Store, query: Query) -> Vec<String> {
    pages(store, query).await.concat()
}

/// Writes these documents into a new collection.
pub(super) async fn filled<const N: usize>(
    store: &Store,
    documents: [(&str, Fields); N],
) -> &'static Collection {
    let collection = new_collection();
    let writes = documents.map(|(id, fields)| Write::set(Key::new(collection, id), fields));
    let written = store.commit(writes.into()).await;
    written.expect("the documents can be written");
    collection
}
