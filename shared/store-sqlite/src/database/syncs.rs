//! Which commits wait for the disk. SQLite is asked, within the jobs.

use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Waker};

use super::*;

/// As SQLite numbers it: 1 is NORMAL, which leaves the log to a later sync, 2 is FULL.
fn synchronous(file: &Connection) -> Result<i64, DatabaseError> {
    Ok(file.pragma_query_value(None, SYNCHRONOUS, |row| row.get(0))?)
}

fn insert(number: i64) -> impl FnMut(&Connection) -> Result<i64, DatabaseError> {
    move |file| {
        file.execute("INSERT INTO t VALUES (?1)", [number])?;
        synchronous(file)
    }
}

async fn opened(folder: &tempfile::TempDir) -> Database {
    let database = Database::open(&folder.path().join("db")).unwrap();
    let create = |file: &Connection| Ok(file.execute_batch("CREATE TABLE t (n)")?);
    database.call::<_, DatabaseError>(create).await.unwrap();
    database
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_unless_it_was_asked_for_lazily() {
    let folder = tempfile::tempdir().unwrap();
    let database = opened(&folder).await;
    assert_eq!(database.call(synchronous).await.unwrap(), 2);
    for number in [1, 3, 5] {
        let lazy = database.call_lazily(insert(number)).await.unwrap();
        assert_eq!(lazy, 1);
        let durable = database.call(insert(number + 1)).await.unwrap();
        assert_eq!(durable, 2);
    }
    assert_eq!(database.read(synchronous).await.unwrap(), 2);
}

/// The jobs wait behind one that is held up, and so share the next transaction.
#[tokio::test]
async fn lazy_jobs_that_share_a_transaction_with_a_durable_one_wait_with_it_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let database = opened(&folder).await;
    let seen = async |durable: Option<i64>| {
        let (release, held_up) = mpsc::channel::<()>();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let mut begun = Some(begun);
        let mut holding = Box::pin(database.call_lazily(move |_| {
            if let Some(begun) = begun.take() {
                begun.send(()).unwrap();
            }
            let _ = held_up.recv();
            Ok::<_, DatabaseError>(())
        }));
        let mut once = Context::from_waker(Waker::noop());
        assert!(holding.as_mut().poll(&mut once).is_pending());
        begins.await.unwrap();
        let mut waiting = Vec::new();
        for number in 0..5 {
            let mut job: Pin<Box<dyn Future<Output = _>>> = if durable == Some(number) {
                Box::pin(database.call(insert(number)))
            } else {
                Box::pin(database.call_lazily(insert(number)))
            };
            assert!(job.as_mut().poll(&mut once).is_pending());
            waiting.push(job);
        }
        drop(release);
        holding.await.unwrap();
        let mut seen = Vec::new();
        for job in waiting {
            seen.push(job.await.unwrap());
        }
        seen
    };
    assert_eq!(seen(None).await, [1; 5]);
    for durable in [0, 2, 4] {
        assert_eq!(seen(Some(durable)).await, [2; 5]);
    }
    let order = |file: &Connection| {
        let mut statement = file.prepare("SELECT n FROM t ORDER BY rowid")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok::<_, DatabaseError>(rows.collect::<Result<Vec<i64>, _>>()?)
    };
    assert_eq!(
        database.read(order).await.unwrap(),
        [0, 1, 2, 3, 4].repeat(4)
    );
}
