//! The embedded engine's documents keep the port's promises.

#![allow(clippy::unwrap_used, reason = "a failed preparation is a failed test")]

use std::sync::Arc;

use fanout_runtime::SystemClock;
use fanout_store::Documents;
use fanout_store_sqlite::{Database, SqliteDocuments};
use tempfile::TempDir;

async fn on_sqlite() -> (Arc<dyn Documents>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("fanout.db")).unwrap();
    let clock = Arc::new(SystemClock);
    let documents = SqliteDocuments::open(database, clock).await.unwrap();
    (Arc::new(documents), folder)
}

fanout_testkit::documents_conformance_tests!(on_sqlite());
