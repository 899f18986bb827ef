//! What may go wrong in a job, in a commit, or with the file.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fanout_runtime::{SystemClock, error_chain};
use fanout_store::{Collection, Documents, Fields, Key, Query, StoreError, Write};
use fanout_store_sqlite::{Database, DatabaseError, SqliteDocuments};

async fn execute(database: &Database, sql: &'static str) -> Result<(), DatabaseError> {
    database
        .call(move |file| Ok(file.execute_batch(sql)?))
        .await
}

async fn count(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM t";
    let count = database.read(move |file| Ok(file.query_row(sql, [], |row| row.get(0))?));
    count.await.map_err(|error: DatabaseError| error).unwrap()
}

fn both(folder: &Path) -> [Database; 2] {
    let in_a_file = Database::open(&folder.join("db")).unwrap();
    [in_a_file, Database::in_memory().unwrap()]
}

/// A page may have hundreds, and one of them has to be repaired.
#[tokio::test]
async fn a_page_with_a_row_that_is_no_json_is_an_error_that_names_the_document() {
    const NOTES: &Collection = &Collection::named("notes");
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database.clone(), Arc::new(SystemClock)).await;
    let documents = documents.unwrap();
    let notes = ["a", "b"].map(|id| Write::create(Key::new(NOTES, id), Fields::new()));
    documents.commit(notes.into()).await.unwrap();
    let edited = "UPDATE documents_notes SET fields = 'no JSON' WHERE id = 'b'";
    execute(&database, edited).await.unwrap();
    let error = documents.query(&Query::of(NOTES)).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
    let told = error_chain(&error);
    assert!(told.contains("notes/b: "), "{told}");
}

/// A deferred foreign key is looked at by COMMIT alone.
#[tokio::test]
async fn a_commit_that_fails_is_a_failure_of_every_job_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for database in both(folder.path()) {
        let set_up = "CREATE TABLE t (
            n INTEGER PRIMARY KEY,
            other REFERENCES t DEFERRABLE INITIALLY DEFERRED
        )";
        execute(&database, set_up).await.unwrap();
        let nothing_there = "INSERT INTO t VALUES (1, 99)";
        let failed = execute(&database, nothing_there).await;
        assert!(
            matches!(failed, Err(DatabaseError::Commit(_))),
            "{failed:?}"
        );
        assert_eq!(count(&database).await, 0);
        execute(&database, "INSERT INTO t VALUES (1, 1)")
            .await
            .unwrap();
        assert_eq!(
            count(&database).await,
            1,
            "the next transaction is a new one"
        );
    }
}

#[tokio::test]
async fn a_job_that_panics_fails_alone_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for database in both(folder.path()) {
        execute(&database, "CREATE TABLE t (n)").await.unwrap();
        let insert = || execute(&database, "INSERT INTO t VALUES (1)");
        let panicking = database.call(|file| {
            file.execute_batch("INSERT INTO t VALUES (2)").unwrap();
            if file.changes() > 0 {
                panic!("a fault of the program");
            }
            Ok::<_, DatabaseError>(())
        });
        let (before, panicked, after) = tokio::join!(insert(), panicking, insert());
        assert!(
            matches!(panicked, Err(DatabaseError::Panicked)),
            "{panicked:?}"
        );
        assert!(before.is_ok() && after.is_ok());
        assert_eq!(count(&database).await, 2);
    }
}

#[tokio::test]
async fn a_read_that_panics_does_not_end_reading() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("db")).unwrap();
    execute(&database, "CREATE TABLE t (n)").await.unwrap();
    let panicking = database.read(|_| -> Result<(), DatabaseError> { panic!("a fault") });
    assert!(matches!(panicking.await, Err(DatabaseError::Panicked)));
    assert_eq!(count(&database).await, 0);
}

#[tokio::test]
async fn a_read_waits_for_no_write_and_holds_up_none_and_sees_what_was_committed_before() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("db")).unwrap();
    execute(&database, "CREATE TABLE t (n)").await.unwrap();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let count = |file: &rusqlite::Connection| {
        file.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0))
    };
    let reader = database.clone();
    let long_read = tokio::spawn(async move {
        let read = reader.read::<_, DatabaseError>(move |file| {
            let before = count(file)?;
            begun.send(()).unwrap();
            wait.recv().unwrap();
            Ok((before, count(file)?))
        });
        read.await.unwrap()
    });
    has_begun.await.unwrap();
    execute(&database, "INSERT INTO t VALUES (1)")
        .await
        .unwrap();
    go_on.send(()).unwrap();
    assert_eq!(long_read.await.unwrap(), (0, 0), "one moment");
    assert_eq!(self::count(&database).await, 1);
    let write = database.read(|file| Ok(file.execute_batch("INSERT INTO t VALUES (2)")?));
    let refused: DatabaseError = write.await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}

#[tokio::test]
async fn a_mistake_in_a_statement_is_no_damage() {
    let database = Database::in_memory().unwrap();
    let failed = execute(&database, "SELECT n FROM nowhere").await;
    assert!(
        matches!(failed, Err(DatabaseError::Sqlite(_))),
        "{failed:?}"
    );
}

fn reason(path: &Path) -> String {
    match Database::open(path) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_of_another_version_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for (version, made_by) in [(0, "an earlier version"), (1_000, "a later version")] {
        let path = folder.path().join(made_by);
        let file = rusqlite::Connection::open(&path).unwrap();
        file.execute_batch(&format!(
            "CREATE TABLE topics (name); PRAGMA user_version = {version}"
        ))
        .unwrap();
        let to_read = Database::open_to_read(&path).map(|_| ()).unwrap_err();
        for reason in [reason(&path), to_read.to_string()] {
            let named = reason.contains(&path.display().to_string());
            assert!(named && reason.contains(made_by), "{reason}");
            let way_out = "start with --fresh, or with another --data-dir";
            assert!(reason.contains(way_out), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    std::fs::write(&path, "no database at all, for certain").unwrap();
    let no_database = reason(&path);
    std::fs::remove_file(&path).unwrap();

    // A page in the middle is overwritten: found only when it is needed.
    let database = Database::open(&path).unwrap();
    let fill = "CREATE TABLE t (n);
        WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 10000)
        INSERT INTO t SELECT n FROM s";
    execute(&database, fill).await.unwrap();
    drop(database);
    let mut file = std::fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&[0xA5; 4096]).unwrap();
    let database = Database::open(&path).unwrap();
    let read = database.read(|file| Ok(file.query_row("SELECT sum(n) FROM t", [], |_| Ok(()))?));
    let damaged: DatabaseError = read.await.unwrap_err();
    for reason in [no_database, damaged.to_string()] {
        assert!(reason.contains("damaged"), "{reason}");
        let way_out = "start with --fresh, or with another --data-dir";
        assert!(reason.contains(way_out), "{reason}");
    }
}

#[tokio::test]
async fn jobs_that_share_a_transaction_with_one_that_fails_are_done_again_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("db")).unwrap();
    execute(&database, "CREATE TABLE t (n)").await.unwrap();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let first = database.call::<_, DatabaseError>(move |_| {
        // Over at once if it is done again.
        let _ = wait.recv();
        Ok(())
    });
    let runs = Arc::new(AtomicU32::new(0));
    let insert = |then: Result<(), ()>| {
        let runs = Arc::clone(&runs);
        database.call(move |file| {
            runs.fetch_add(1, Ordering::Relaxed);
            file.execute("INSERT INTO t VALUES (1)", [])?;
            then.map_err(|()| DatabaseError::Closed)
        })
    };
    // Each is queued by its first poll, while the first job holds the thread.
    let release = async move { go_on.send(()).unwrap() };
    let (_, before, failed, after, ()) = tokio::join!(
        first,
        insert(Ok(())),
        insert(Err(())),
        insert(Ok(())),
        release
    );
    assert!(before.is_ok() && failed.is_err() && after.is_ok());
    assert_eq!(count(&database).await, 2);
    // All in one group: two ran before the failure was seen, then all three.
    assert_eq!(runs.load(Ordering::Relaxed), 5);
}
