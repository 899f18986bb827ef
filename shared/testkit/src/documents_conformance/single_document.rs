//! One document: create, set, merge, delete.

use fanout_store::{CommitReceipt, Conflict, Fields, Value, Violation, Write};

use super::scene::{Store, conflict, exists, fields, new_key, read, write};

/// A read of nothing is no error.
pub async fn a_document_that_was_never_written_is_none(store: Store) {
    assert!(!exists(&store, &new_key()).await);
}

/// Key, fields and version are those of the write.
pub async fn a_created_document_reads_as_it_was_written(store: Store) {
    let key = new_key();
    let content = Fields::new().with("text", "x").with("number", 7_i64);
    let version = write(&store, Write::create(key.clone(), content.clone())).await;
    let document = read(&store, &key).await;
    assert_eq!(document.key, key);
    assert_eq!(document.fields, content);
    assert_eq!(document.update_time, version);
}

/// What uniqueness and deduplication rest on.
pub async fn a_second_create_conflicts_and_changes_nothing(store: Store) {
    let key = new_key();
    let create = |n: i64| Write::create(key.clone(), Fields::new().with("n", n));
    write(&store, create(1)).await;
    let conflict = conflict(&store, vec![create(2)]).await;
    let expected = Conflict {
        index: 0,
        key: key.clone(),
        violation: Violation::AlreadyExists,
    };
    assert_eq!(conflict, expected);
    assert_eq!(fields(&store, &key).await.integer("n"), Ok(1));
}

/// Fields that the write does not name go.
pub async fn set_replaces_the_whole_document(store: Store) {
    let key = new_key();
    let before = Fields::new().with("a", 1_i64).with("b", 2_i64);
    write(&store, Write::set(key.clone(), before)).await;
    let after = Fields::new().with("b", 3_i64).with("c", 4_i64);
    write(&store, Write::set(key.clone(), after.clone())).await;
    assert_eq!(fields(&store, &key).await, after);
    write(&store, Write::set(key.clone(), Fields::new())).await;
    assert!(fields(&store, &key).await.is_empty());
}

/// Fields that the write does not name stay, whatever their names look like.
pub async fn merge_leaves_the_other_fields(store: Store) {
    let key = new_key();
    let before = Fields::new()
        .with("kept", "x")
        .with("a", Value::Map(Fields::new().with("b", "not a.b")))
        .with("changed", 1_i64);
    write(&store, Write::set(key.clone(), before.clone())).await;
    let changes = Fields::new()
        .with("changed", 2_i64)
        .with("a.b", "a field of this name, not b in a")
        .with("new", Value::Null);
    write(&store, Write::merge(key.clone(), changes.clone())).await;
    let expected: Fields = before.into_iter().chain(changes).collect();
    assert_eq!(fields(&store, &key).await, expected);
}

/// A merge is one level deep.
pub async fn merge_replaces_a_map_as_a_whole(store: Store) {
    let key = new_key();
    let map = |name: &str| Fields::new().with("map", Value::Map(Fields::new().with(name, 1_i64)));
    write(&store, Write::set(key.clone(), map("old"))).await;
    write(&store, Write::merge(key.clone(), map("new"))).await;
    assert_eq!(fields(&store, &key).await, map("new"));
}

/// No precondition, no error.
pub async fn merge_creates_a_missing_document(store: Store) {
    let key = new_key();
    let content = Fields::new().with("n", 1_i64);
    write(&store, Write::merge(key.clone(), content.clone())).await;
    assert_eq!(fields(&store, &key).await, content);
}

/// It says "be there" and no more.
pub async fn a_merge_of_nothing_creates_a_missing_document_and_leaves_a_present_one(store: Store) {
    let key = new_key();
    write(&store, Write::merge(key.clone(), Fields::new())).await;
    assert!(fields(&store, &key).await.is_empty());
    let content = Fields::new().with("n", 1_i64);
    write(&store, Write::set(key.clone(), content.clone())).await;
    write(&store, Write::merge(key.clone(), Fields::new())).await;
    assert_eq!(fields(&store, &key).await, content);
}

/// What is set, what goes, what stays; and what is taken out counts from 0 again.
pub async fn a_merge_takes_fields_out_and_a_transform_comes_after(store: Store) {
    let key = new_key();
    let before = Fields::new()
        .with("a.b", 1_i64)
        .with("kept", 2_i64)
        .with("n", 3_i64)
        .with("changed", 4_i64);
    write(&store, Write::set(key.clone(), before)).await;
    let merge = Write::merge(key.clone(), Fields::new().with("changed", 5_i64))
        .remove_field("a.b")
        .remove_field("n")
        .remove_field("never there")
        .increment("n", 1);
    write(&store, merge).await;
    let after = Fields::new()
        .with("kept", 2_i64)
        .with("n", 1_i64)
        .with("changed", 5_i64);
    assert_eq!(fields(&store, &key).await, after);
    let removal = Write::merge(key.clone(), Fields::new()).remove_field("n");
    let version = write(&store, removal.clone()).await;
    assert_eq!(write(&store, removal).await, version, "nothing to remove");
    let missing = new_key();
    let merge = Write::merge(missing.clone(), Fields::new()).remove_field("n");
    write(&store, merge).await;
    assert!(fields(&store, &missing).await.is_empty());
}

/// Whether they are there or not, in whatever collection, and twice if asked twice.
pub async fn documents_are_read_in_the_order_of_their_keys(store: Store) {
    let (first, second, missing) = (new_key(), new_key(), new_key());
    let content = |n: i64| Fields::new().with("n", n);
    write(&store, Write::create(first.clone(), content(1))).await;
    write(&store, Write::create(second.clone(), content(2))).await;
    let keys = [second.clone(), missing, first.clone(), second.clone()];
    let found = store.get_many(&keys).await.unwrap();
    let (first, second) = (read(&store, &first).await, read(&store, &second).await);
    let expected = [Some(second.clone()), None, Some(first), Some(second)];
    assert_eq!(found, expected);
    assert!(store.get_many(&[]).await.unwrap().is_empty());
}

/// A delete leaves no version, and a second one no error.
pub async fn delete_removes_and_may_be_repeated(store: Store) {
    let key = new_key();
    write(&store, Write::create(key.clone(), Fields::new())).await;
    for _ in 0..2 {
        let receipt = store
            .commit(vec![Write::delete(key.clone())])
            .await
            .unwrap();
        let no_version = CommitReceipt {
            update_times: vec![None],
        };
        assert_eq!(receipt, no_version);
        assert!(!exists(&store, &key).await);
    }
}

/// Nothing of the old document comes back.
pub async fn a_deleted_document_can_be_created_again(store: Store) {
    let key = new_key();
    let old = Fields::new().with("old", 1_i64);
    let first = write(&store, Write::create(key.clone(), old)).await;
    store
        .commit(vec![Write::delete(key.clone())])
        .await
        .unwrap();
    let new = Fields::new().with("new", 1_i64);
    let second = write(&store, Write::create(key.clone(), new.clone())).await;
    assert_eq!(fields(&store, &key).await, new);
    assert!(second > first);
}
