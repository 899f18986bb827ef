//! What has expired goes by itself, beside everything else.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::{Clock, SystemClock, Timestamp};
use fanout_store::{Collection, Documents, Fields, Key, Query, Write, all_documents};
use fanout_store_sqlite::{Database, SqliteDocuments};
use tokio::time::{Instant, interval};

const NOTES: &Collection = &Collection::named("notes").expires_by("expires_at");
/// More than one batch.
const MANY: usize = 130;

async fn open(path: &Path) -> SqliteDocuments {
    let database = Database::open(path).unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    documents.unwrap()
}

fn note(id: &str, expires_at: Option<Timestamp>) -> Write {
    let fields = Fields::new().with("expires_at", expires_at);
    Write::create(Key::new(NOTES, id), fields)
}

/// Even if the collection is not met again after a restart.
#[tokio::test]
async fn what_has_expired_is_gone_after_a_start_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let now = SystemClock.now();
    let documents = open(&path).await;
    let day = TimeDelta::days(1);
    let mut notes: Vec<Write> = (0..MANY)
        .map(|n| note(&format!("{n}"), Some(now - day)))
        .collect();
    notes.push(note("later", Some(now + day)));
    notes.push(note("never", None));
    let text = Fields::new().with("expires_at", "0001-01-01T00:00:00.000Z");
    notes.push(Write::create(Key::new(NOTES, "no_moment"), text));
    documents.commit(notes).await.unwrap();
    drop(documents);

    // Gone already before the collection is asked for.
    let database = Database::open(&path).unwrap();
    let documents = SqliteDocuments::open(database.clone(), Arc::new(SystemClock)).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut looks = interval(Duration::from_millis(10));
    let count = |file: &rusqlite::Connection| {
        let sql = "SELECT count(*) FROM documents_notes";
        Ok::<_, fanout_store_sqlite::DatabaseError>(
            file.query_row(sql, [], |row| row.get::<_, i64>(0))?,
        )
    };
    while database.read(count).await.unwrap() != 3_i64 {
        looks.tick().await;
        assert!(Instant::now() < deadline, "the expired stay");
    }
    let left = all_documents(&documents.unwrap(), Query::of(NOTES)).await;
    let left = left.unwrap();
    let left: Vec<&str> = left.iter().map(|note| note.key.id()).collect();
    assert_eq!(left, ["later", "never", "no_moment"]);
}
