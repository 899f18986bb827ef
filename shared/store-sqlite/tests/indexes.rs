//! Indexes that are declared after there are documents, or otherwise than before.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fanout_runtime::SystemClock;
use fanout_store::Comparison::Equal;
use fanout_store::{
    Collection, Direction, Documents, Fields, Key, Query, Write, ascending, descending,
};
use fanout_store_sqlite::{Database, DatabaseError, SqliteDocuments};
use tokio::time::{Instant, interval};

const PLAIN: &Collection = &Collection::named("notes");
const BY_STATE: &Collection = &Collection::named("notes").indexes(&[&[ascending("state")]]);

const BY_PLACE: &Collection =
    &Collection::named("notes").indexes(&[&[ascending("state"), descending("place")]]);

async fn open(path: &Path) -> SqliteDocuments {
    let database = Database::open(path).unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    documents.unwrap()
}

async fn put(documents: &SqliteDocuments, collection: &'static Collection, id: &str, state: &str) {
    let fields = Fields::new().with("state", state);
    let write = Write::set(Key::new(collection, id), fields);
    documents.commit(vec![write]).await.unwrap();
}

async fn with_state(documents: &SqliteDocuments, state: &str) -> Vec<String> {
    let query = Query::of(BY_STATE).only("state", Equal, state);
    let page = documents.query(&query).await.unwrap();
    let ids = page.documents.iter().map(|it| it.key.id().to_owned());
    ids.collect()
}

#[tokio::test]
async fn an_index_that_comes_later_or_comes_back_finds_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    for (state, later) in [("open", "done"), ("gone", "back")] {
        let documents = open(&path).await;
        put(&documents, PLAIN, "a", state).await;
        put(&documents, PLAIN, "b", state).await;
        let none = Write::set(Key::new(PLAIN, "c"), Fields::new());
        documents.commit(vec![none]).await.unwrap();
        drop(documents);

        let documents = open(&path).await;
        assert_eq!(with_state(&documents, state).await, ["a", "b"]);
        put(&documents, BY_STATE, "a", later).await;
        assert_eq!(with_state(&documents, state).await, ["b"]);
        assert_eq!(with_state(&documents, later).await, ["a"]);
    }
}

/// A file whose indexes are on expressions over the JSON, as the first version's were.
fn of_the_first_version(path: &Path) {
    let file = rusqlite::Connection::open(path).unwrap();
    let table = |name: &str| {
        format!(
            "CREATE TABLE documents_{name} (
                id TEXT NOT NULL PRIMARY KEY, fields TEXT NOT NULL, update_time INTEGER NOT NULL);
            CREATE INDEX \"documents_{name} on until\" ON documents_{name} (
                json_extract(fields, '$.until') ASC, id ASC);"
        )
    };
    file.execute_batch(&format!(
        r#"PRAGMA user_version = 1;
        CREATE TABLE collections (name TEXT NOT NULL PRIMARY KEY, expires_by TEXT);
        INSERT INTO collections VALUES ('notes', NULL), ('forgotten', 'until');
        {} {}
        CREATE INDEX "documents_notes on state, place descending" ON documents_notes (
            json_extract(fields, '$.state') ASC, json_extract(fields, '$.place') DESC, id DESC);
        INSERT INTO documents_notes VALUES
            ('a', '{{"state":"open","place":1}}', 1), ('b', '{{"state":"open","place":2}}', 1),
            ('c', '{{"state":"done","place":3}}', 1), ('d', '{{"x":{{"$time":"no time"}}}}', 1);
        INSERT INTO documents_forgotten VALUES
            ('past', '{{"until":{{"$time":"2001-01-01T00:00:00.000Z"}}}}', 1),
            ('future', '{{"until":{{"$time":"9001-01-01T00:00:00.000Z"}}}}', 1);"#,
        table("notes"),
        table("forgotten"),
    ))
    .unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_version_goes_on_in_the_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    of_the_first_version(&path);
    let early = Database::open_to_read(&path).map(drop).unwrap_err();
    let reason = early.to_string();
    assert!(reason.contains("else start `fanout up`"), "{reason}");

    let owner = Database::open(&path).unwrap();
    // Before its collections are met.
    let sorted = Query::of(BY_PLACE).only("state", Equal, "open");
    let sorted = sorted.order_by("place", Direction::Descending);
    let file = Database::open_to_read(&path).unwrap();
    let reader = SqliteDocuments::reading(file, Arc::new(SystemClock));
    let found = reader.query(&sorted).await.unwrap();
    let found: Vec<&str> = found.documents.iter().map(|it| it.key.id()).collect();
    assert_eq!(found, ["b", "a"]);
    let documents = SqliteDocuments::open(owner.clone(), Arc::new(SystemClock)).await;
    let documents = documents.unwrap();
    // What cannot be read can be replaced.
    for id in ["d", "e"] {
        put(&documents, BY_STATE, id, "open").await;
    }
    let open = ["a", "b", "d", "e"];
    assert_eq!(with_state(&documents, "open").await, open);

    // What expires does so although its collection is met by nobody any more, without a walk over it.
    let indexes = owner.read(|file| {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = 'documents_forgotten on until'";
        Ok::<_, DatabaseError>(file.query_row(sql, [], |row| row.get::<_, String>(0))?)
    });
    assert!(indexes.await.unwrap().contains("\"by until\" ASC"));
    let left = |file: &rusqlite::Connection| {
        let mut ids = file.prepare("SELECT id FROM documents_forgotten")?;
        let ids = ids.query_map([], |row| row.get(0))?;
        let ids: Result<Vec<String>, _> = ids.collect();
        Ok::<_, DatabaseError>(ids?)
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut looks = interval(Duration::from_millis(10));
    while owner.read(left).await.unwrap() != ["future"] {
        looks.tick().await;
        assert!(Instant::now() < deadline, "the expired stay");
    }
}

#[tokio::test]
async fn a_reader_that_asks_by_a_field_the_owner_does_not_know_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let owner = open(&path).await;
    put(&owner, PLAIN, "a", "open").await;
    let file = Database::open_to_read(&path).unwrap();
    let reader = SqliteDocuments::reading(file, Arc::new(SystemClock));
    let query = Query::of(BY_STATE).only("state", Equal, "open");
    let refused = reader.query(&query).await.unwrap_err();
    let reason = std::error::Error::source(&refused).unwrap().to_string();
    assert!(reason.contains("is another build"), "{reason}");
    let read = reader.get(&Key::new(BY_STATE, "a")).await;
    assert!(read.unwrap().is_some());
    let all = reader.query(&Query::of(BY_STATE)).await;
    assert_eq!(all.unwrap().documents.len(), 1);
}
