//! Changes that the store computes.

use fanout_store::{Fields, Key, Value, Write};

use super::scene::{Store, assert_refused, fields, new_key, write};

fn add(key: &Key, by: i64) -> Write {
    Write::merge(key.clone(), Fields::new()).increment("n", by)
}

/// An existing number, a missing field, up and down.
pub async fn increment_counts_from_what_is_there(store: Store) {
    let key = new_key();
    let content = Fields::new().with("kept", "x").with("n", 40_i64);
    write(&store, Write::set(key.clone(), content)).await;
    write(&store, add(&key, 2)).await;
    assert_eq!(fields(&store, &key).await.integer("n"), Ok(42));
    write(&store, add(&key, -50).increment("other", 3)).await;
    let after = fields(&store, &key).await;
    let expected = Fields::new()
        .with("kept", "x")
        .with("n", -8_i64)
        .with("other", 3_i64);
    assert_eq!(after, expected);
}

/// A counter needs no creation.
pub async fn increment_creates_a_missing_document(store: Store) {
    let key = new_key();
    write(&store, add(&key, 5)).await;
    assert_eq!(fields(&store, &key).await, Fields::new().with("n", 5_i64));
    let key = new_key();
    let create = Write::create(key.clone(), Fields::new().with("a", 1_i64));
    write(&store, create.increment("n", -1)).await;
    let expected = Fields::new().with("a", 1_i64).with("n", -1_i64);
    assert_eq!(fields(&store, &key).await, expected);
}

/// What is no number counts as 0; a double stays one.
pub async fn increment_of_something_else_than_a_whole_number(store: Store) {
    let key = new_key();
    for (before, after) in [
        (Value::from("seven"), Value::Integer(2)),
        (Value::Null, Value::Integer(2)),
        (Value::Double(1.5), Value::Double(3.5)),
    ] {
        let content = Fields::new().with("n", before.clone());
        write(&store, Write::set(key.clone(), content)).await;
        write(&store, add(&key, 2)).await;
        let found = fields(&store, &key).await;
        assert_eq!(found.get("n"), Some(&after), "{before:?}");
    }
}

/// It does not go round.
pub async fn increment_stops_at_the_largest_number(store: Store) {
    let key = new_key();
    for (before, by, after) in [(i64::MAX - 1, 5, i64::MAX), (i64::MIN + 1, -5, i64::MIN)] {
        let content = Fields::new().with("n", before);
        write(&store, Write::set(key.clone(), content)).await;
        write(&store, add(&key, by)).await;
        assert_eq!(fields(&store, &key).await.integer("n"), Ok(after));
    }
}

/// A field may be set and changed in one write.
pub async fn transforms_come_after_the_content_and_in_order(store: Store) {
    let key = new_key();
    let content = Fields::new().with("n", 10_i64);
    let set = Write::set(key.clone(), content.clone());
    write(&store, set.increment("n", 1).increment("n", 2)).await;
    assert_eq!(fields(&store, &key).await.integer("n"), Ok(13));
    let merge = Write::merge(key.clone(), content);
    write(&store, merge.increment("n", 5)).await;
    assert_eq!(fields(&store, &key).await.integer("n"), Ok(15));
}

/// A name is never taken for a path.
pub async fn transforms_reach_fields_of_any_name(store: Store) {
    let key = new_key();
    let names = ["a.b", "$n", "with space", "a`b", "a\\b", "7", "é"];
    let count = Write::merge(key.clone(), Fields::new());
    let count = names
        .iter()
        .fold(count, |write, name| write.increment(name, 1));
    write(&store, count.clone()).await;
    write(&store, count).await;
    let expected = names.map(|name| (name.to_owned(), Value::Integer(2)));
    assert_eq!(fields(&store, &key).await, Fields::from_iter(expected));
}

/// There is nothing left to change.
pub async fn a_delete_with_a_transform_is_refused(store: Store) {
    let key = new_key();
    write(&store, add(&key, 1)).await;
    let delete = Write::delete(key.clone()).increment("n", 1);
    assert_refused(&store, vec![delete], "a delete with an increment").await;
    assert_eq!(fields(&store, &key).await.integer("n"), Ok(1));
}
