//! Versions: what a receipt says, and when they change.

use fanout_store::{Fields, Key, UpdateTime, Write};

use super::scene::{Store, new_collection, new_key, read, write};

/// In the order of the writes, with nothing for a delete.
pub async fn a_receipt_carries_the_versions_that_reads_show(store: Store) {
    let collection = new_collection();
    let key = |id: &str| Key::new(collection, id);
    write(&store, Write::set(key("gone"), Fields::new())).await;
    let receipt = store
        .commit(vec![
            Write::create(key("created"), Fields::new()),
            Write::delete(key("gone")),
            Write::merge(key("counted"), Fields::new()).increment("n", 1),
        ])
        .await
        .unwrap();
    let created = read(&store, &key("created")).await.update_time;
    let counted = read(&store, &key("counted")).await.update_time;
    let expected = [Some(created), None, Some(counted)];
    assert_eq!(receipt.update_times, expected);
}

/// Also of another document: versions follow the order of the commits.
pub async fn a_later_write_has_a_greater_version(store: Store) {
    let (one, other) = (new_key(), new_key());
    let mut last = UpdateTime(0);
    for n in 0..10_i64 {
        for key in [&one, &other] {
            let content = Fields::new().with("n", n);
            let version = write(&store, Write::set(key.clone(), content)).await;
            assert!(version > last, "write {n}");
            last = version;
        }
    }
}

/// Firestore's way, and so everybody's: nothing has happened that a reader could miss.
pub async fn a_write_that_changes_nothing_keeps_the_version(store: Store) {
    let key = new_key();
    let content = Fields::new().with("n", 1_i64).with("text", "x");
    let first = write(&store, Write::create(key.clone(), content.clone())).await;
    for same in [
        Write::set(key.clone(), content.clone()),
        Write::replace(key.clone(), content.clone(), first),
        Write::merge(key.clone(), Fields::new().with("n", 1_i64)),
        Write::merge(key.clone(), Fields::new()).increment("n", 0),
    ] {
        assert_eq!(write(&store, same).await, first);
        assert_eq!(read(&store, &key).await.update_time, first);
    }
    let changed = Write::merge(key.clone(), Fields::new().with("n", 2_i64));
    assert!(write(&store, changed).await > first);
}
