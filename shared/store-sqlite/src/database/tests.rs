use super::*;

fn count(file: &Connection) -> Result<i64, DatabaseError> {
    Ok(file.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
}

#[tokio::test]
async fn a_failed_job_leaves_nothing_behind_and_its_neighbours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let in_a_file = Database::open(&folder.path().join("db")).unwrap();
    for database in [in_a_file, Database::in_memory().unwrap()] {
        only_the_job_that_fails_leaves_nothing(&database).await;
    }
}

async fn only_the_job_that_fails_leaves_nothing(database: &Database) {
    let create = |s: &Connection| Ok(s.execute_batch("CREATE TABLE t (n)")?);
    database.call::<_, DatabaseError>(create).await.unwrap();
    let insert = |fail: bool| {
        database.call(move |s| {
            s.execute("INSERT INTO t VALUES (1)", [])
                .map_err(DatabaseError::from)?;
            if fail {
                Err(DatabaseError::Closed)
            } else {
                Ok(())
            }
        })
    };
    let (first, second, third) = tokio::join!(insert(false), insert(true), insert(false));
    assert!(first.is_ok() && second.is_err() && third.is_ok());
    assert_eq!(database.call(count).await.unwrap(), 2);
}

/// A row that refers to none is noticed by the COMMIT, when the jobs are done.
#[tokio::test]
async fn a_commit_that_fails_is_told_to_every_job_that_shared_it_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let in_a_file = Database::open(&folder.path().join("db")).unwrap();
    for database in [in_a_file, Database::in_memory().unwrap()] {
        let tables = "CREATE TABLE t (n); CREATE TABLE parents (id INTEGER PRIMARY KEY);
            CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED)";
        execute(&database, tables).await.unwrap();
        let orphan = "INSERT INTO t VALUES (1); INSERT INTO children VALUES (7)";
        let failed = execute(&database, orphan).await;
        assert!(
            matches!(failed, Err(DatabaseError::Commit(_))),
            "{failed:?}"
        );
        assert_eq!(database.call(count).await.unwrap(), 0);
        let next = execute(&database, "INSERT INTO t VALUES (1)").await;
        assert!(next.is_ok(), "{next:?}");
    }
}

#[tokio::test]
async fn what_is_committed_gets_into_the_file_without_a_later_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let database = Database::open(&path).unwrap();
    let bytes: u32 = 1 << 20;
    assert!(bytes / 4096 < LOG_PAGES);
    let fill = "CREATE TABLE t AS SELECT zeroblob(1 << 20)";
    execute(&database, fill).await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while std::fs::metadata(&path).unwrap().len() < u64::from(bytes) {
        assert!(std::time::Instant::now() < deadline, "still in the log");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_second_opening_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let first = Database::open(&path).unwrap();
    let Err(error) = Database::open(&path) else {
        panic!("opened twice");
    };
    assert!(
        error.to_string().contains("another process has it open"),
        "{error}"
    );
    drop(first);
    assert!(Database::open(&path).is_ok());
}

fn execute(
    database: &Database,
    sql: &'static str,
) -> impl Future<Output = Result<(), DatabaseError>> {
    database.call(move |s| Ok(s.execute_batch(sql)?))
}

#[tokio::test]
async fn a_reader_beside_the_owner_sees_each_commit_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let owner = Database::open(&path).unwrap();
    execute(&owner, "CREATE TABLE t (n)").await.unwrap();
    let reader = Database::open_to_read(&path).unwrap();
    assert_eq!(reader.path(), path);
    for rows in 1..=3 {
        let insert = execute(&owner, "INSERT INTO t VALUES (1)");
        insert.await.unwrap();
        assert_eq!(reader.call(count).await.unwrap(), rows);
    }
    let write = execute(&reader, "INSERT INTO t VALUES (1)").await;
    let error = write.unwrap_err().to_string();
    assert!(error.contains("readonly"), "{error}");
    // In the middle of a read the owner goes on writing, closes and opens again.
    let again = path.clone();
    let seen = reader.read::<_, DatabaseError>(move |s| {
        let before = count(s)?;
        let other = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(async {
                let insert = execute(&owner, "INSERT INTO t VALUES (1)");
                insert.await.unwrap();
                drop(owner);
                let owner = Database::open(&again).unwrap();
                owner.call(count).await.unwrap()
            })
        });
        Ok((before, other.join().unwrap(), count(s)?))
    });
    assert_eq!(seen.await.unwrap(), (3, 4, 3));
}

#[tokio::test]
async fn a_reader_needs_no_owner_and_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    assert!(Database::open_to_read(&path).is_err());
    assert!(!path.exists());
    let owner = Database::open(&path).unwrap();
    let write = execute(&owner, "CREATE TABLE t (n); INSERT INTO t VALUES (1)");
    write.await.unwrap();
    drop(owner);
    let reader = Database::open_to_read(&path).unwrap();
    assert_eq!(reader.call(count).await.unwrap(), 1);
    // Nor does it keep an owner from starting.
    assert!(Database::open(&path).is_ok());
}

#[test]
fn a_job_in_memory_is_done_at_the_first_poll_and_stays_done() {
    let database = Database::in_memory().unwrap();
    assert_eq!(database.path(), Path::new(":memory:"));
    let create = |s: &Connection| Ok(s.execute_batch("CREATE TABLE t (n)")?);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut created = Box::pin(database.call::<_, DatabaseError>(create));
    assert!(created.as_mut().poll(&mut context).is_ready());
    let clone = database.clone();
    let mut counted = Box::pin(clone.call(count));
    let answer = counted.as_mut().poll(&mut context);
    assert!(matches!(answer, std::task::Poll::Ready(Ok(0))));
}
