//! What must be true of a document before a write.

use fanout_store::{Conflict, Fields, Key, Precondition, UpdateTime, Violation, Write};

use super::scene::{Store, conflict, exists, fields, new_key, read, write};

fn content(n: i64) -> Fields {
    Fields::new().with("n", n)
}

fn violated(key: &Key, violation: Violation) -> Conflict {
    Conflict {
        index: 0,
        key: key.clone(),
        violation,
    }
}

/// Optimistic concurrency: whoever read an older version is told so.
pub async fn replace_takes_the_current_version_only(store: Store) {
    let key = new_key();
    let first = write(&store, Write::create(key.clone(), content(1))).await;
    let second = write(&store, Write::replace(key.clone(), content(2), first)).await;
    let stale = vec![Write::replace(key.clone(), content(3), first)];
    let changed = violated(&key, Violation::Changed);
    assert_eq!(conflict(&store, stale).await, changed);
    assert_eq!(fields(&store, &key).await, content(2));
    let unknown = Precondition::UpdatedAt(UpdateTime(second.0 + 1_000_000_000));
    let merge = vec![Write::merge(key.clone(), content(4)).only_if(unknown)];
    assert_eq!(conflict(&store, merge).await, changed);
    let read_version = read(&store, &key).await.update_time;
    write(
        &store,
        Write::replace(key.clone(), content(5), read_version),
    )
    .await;
    assert_eq!(fields(&store, &key).await, content(5));
}

/// A version that is gone is a version that has changed.
pub async fn replace_of_a_document_that_is_gone_conflicts(store: Store) {
    let key = new_key();
    let version = write(&store, Write::create(key.clone(), content(1))).await;
    store
        .commit(vec![Write::delete(key.clone())])
        .await
        .unwrap();
    let gone = violated(&key, Violation::Changed);
    let replace = vec![Write::replace(key.clone(), content(2), version)];
    assert_eq!(conflict(&store, replace).await, gone);
    let delete = Write::delete(key.clone()).only_if(Precondition::UpdatedAt(version));
    assert_eq!(conflict(&store, vec![delete]).await, gone);
    assert!(!exists(&store, &key).await);
}

/// Set, merge and delete alike.
pub async fn exists_fails_on_a_missing_document_whatever_the_write(store: Store) {
    let key = new_key();
    for write in [
        Write::set(key.clone(), content(1)),
        Write::merge(key.clone(), content(1)),
        Write::merge(key.clone(), Fields::new()).increment("n", 1),
        Write::delete(key.clone()),
    ] {
        let conflict = conflict(&store, vec![write.only_if(Precondition::Exists)]).await;
        assert_eq!(conflict, violated(&key, Violation::Missing));
        assert!(!exists(&store, &key).await);
    }
}

/// Whatever its version.
pub async fn exists_holds_on_a_present_document(store: Store) {
    let key = new_key();
    write(&store, Write::create(key.clone(), content(1))).await;
    let merge = Write::merge(key.clone(), content(2)).only_if(Precondition::Exists);
    write(&store, merge).await;
    assert_eq!(fields(&store, &key).await, content(2));
    let delete = Write::delete(key.clone()).only_if(Precondition::Exists);
    store.commit(vec![delete]).await.unwrap();
    assert!(!exists(&store, &key).await);
}

/// The relay deletes the row that it published, and no newer one.
pub async fn delete_takes_the_current_version_only(store: Store) {
    let key = new_key();
    let first = write(&store, Write::create(key.clone(), content(1))).await;
    let second = write(&store, Write::set(key.clone(), content(2))).await;
    let delete =
        |version| vec![Write::delete(key.clone()).only_if(Precondition::UpdatedAt(version))];
    let changed = violated(&key, Violation::Changed);
    assert_eq!(conflict(&store, delete(first)).await, changed);
    assert!(exists(&store, &key).await);
    store.commit(delete(second)).await.unwrap();
    assert!(!exists(&store, &key).await);
}

/// Absent is absent, whether it ever existed or not.
pub async fn absent_holds_on_a_deleted_document(store: Store) {
    let key = new_key();
    write(&store, Write::create(key.clone(), content(1))).await;
    store
        .commit(vec![Write::delete(key.clone())])
        .await
        .unwrap();
    let merge = Write::merge(key.clone(), content(2)).only_if(Precondition::Absent);
    write(&store, merge.clone()).await;
    let conflict = conflict(&store, vec![merge]).await;
    assert_eq!(conflict, violated(&key, Violation::AlreadyExists));
}

/// A commit may depend on what it only has read.
pub async fn verify_holds_on_the_current_version_and_leaves_it_as_it_is(store: Store) {
    let (read_only, written) = (new_key(), new_key());
    let version = write(&store, Write::create(read_only.clone(), content(1))).await;
    let before = read(&store, &read_only).await;
    let commit = vec![
        Write::verify(read_only.clone(), version),
        Write::create(written.clone(), content(2)),
    ];
    let receipt = store.commit(commit).await.unwrap();
    assert_eq!(receipt.update_times[0], Some(version));
    assert_eq!(read(&store, &read_only).await, before);
    assert_eq!(fields(&store, &written).await, content(2));
}

/// Nothing of the commit happens if what it has read has changed, or is gone.
pub async fn verify_of_another_version_stops_the_commit(store: Store) {
    let (read_only, written) = (new_key(), new_key());
    let version = write(&store, Write::create(read_only.clone(), content(1))).await;
    let changed = violated(&read_only, Violation::Changed);
    for change in [
        Write::set(read_only.clone(), content(2)),
        Write::delete(read_only.clone()),
    ] {
        store.commit(vec![change]).await.unwrap();
        let commit = vec![
            Write::verify(read_only.clone(), version),
            Write::create(written.clone(), content(2)),
        ];
        assert_eq!(conflict(&store, commit).await, changed);
        assert!(!exists(&store, &written).await);
    }
    assert!(!exists(&store, &read_only).await);
}

/// A commit may depend on what is not there.
pub async fn absent_stops_the_commit_where_there_is_a_document(store: Store) {
    let (not_there, written) = (new_key(), new_key());
    let commit = || {
        vec![
            Write::absent(not_there.clone()),
            Write::set(written.clone(), content(2)),
        ]
    };
    let receipt = store.commit(commit()).await.unwrap();
    assert_eq!(receipt.update_times[0], None);
    assert!(!exists(&store, &not_there).await);
    write(&store, Write::create(not_there.clone(), content(1))).await;
    write(&store, Write::set(written.clone(), content(1))).await;
    let there = violated(&not_there, Violation::AlreadyExists);
    assert_eq!(conflict(&store, commit()).await, there);
    assert_eq!(fields(&store, &not_there).await, content(1));
    assert_eq!(fields(&store, &written).await, content(1));
}
