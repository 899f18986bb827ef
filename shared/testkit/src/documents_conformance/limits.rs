//! What Firestore does not take. What works on one machine must not fail in the cloud for the first
//! time.

use chrono::{DateTime, TimeDelta, Utc};
use fanout_store::Comparison::{Equal, Greater};
use fanout_store::Direction::{Ascending, Descending};
use fanout_store::{Collection, Fields, Index, Key, Query, Value, Write, ascending, descending};

use super::scene::{
    Store, assert_query_refused, assert_refused, exists, fields, indexed, new_collection, new_key,
    write,
};

/// Bytes of a value that leaves room for the rest of its document.
const LARGE: usize = 1_048_000;

fn text(length: usize) -> Fields {
    Fields::new().with("text", "x".repeat(length))
}

/// The years 1 to 9999, and whatever the place.
pub async fn a_moment_that_cannot_be_read_back_is_refused(store: Store) {
    let first: DateTime<Utc> = "0001-01-01T00:00:00Z".parse().unwrap();
    let last: DateTime<Utc> = "9999-12-31T23:59:59.999Z".parse().unwrap();
    let millisecond = TimeDelta::milliseconds(1);
    for moment in [
        first - millisecond,
        last + millisecond,
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
    ] {
        let at = Fields::new().with("at", moment);
        for content in [
            at.clone(),
            Fields::new().with("map", Value::Map(at.clone())),
            Fields::new().with("list", Value::Array(vec![moment.into()])),
        ] {
            let key = new_key();
            let set = Write::set(key.clone(), content.clone());
            assert_refused(&store, vec![set], "set").await;
            let merge = Write::merge(key.clone(), content);
            assert_refused(&store, vec![merge], "merge").await;
            assert!(!exists(&store, &key).await);
        }
        let query = Query::of(new_collection()).only("v", Greater, moment);
        assert_query_refused(&store, query, "the years 1 to 9999").await;
    }
    let key = new_key();
    let within = Fields::new().with("first", first).with("last", last);
    write(&store, Write::set(key.clone(), within.clone())).await;
    assert_eq!(fields(&store, &key).await, within);
}

/// By Firestore's own rules of what counts.
pub async fn a_document_over_a_mebibyte_is_refused(store: Store) {
    let key = new_key();
    write(&store, Write::set(key.clone(), text(LARGE))).await;
    assert!(exists(&store, &key).await);
    let two = text(LARGE / 2).with("more", "x".repeat(LARGE / 2 + 1000));
    for content in [text(1024 * 1024), two] {
        let key = new_key();
        assert_refused(&store, vec![Write::set(key.clone(), content)], "large").await;
        assert!(!exists(&store, &key).await);
    }
}

/// Each half would be small enough.
pub async fn a_merge_that_makes_a_document_too_large_is_refused(store: Store) {
    let key = new_key();
    write(&store, Write::set(key.clone(), text(600_000))).await;
    let more = Fields::new().with("more", "x".repeat(600_000));
    assert_refused(&store, vec![Write::merge(key.clone(), more)], "merge").await;
    assert_eq!(fields(&store, &key).await, text(600_000));
}

/// Each document would be small enough.
pub async fn a_commit_over_ten_mebibytes_is_refused(store: Store) {
    let keys = [(); 11].map(|()| new_key());
    let writes = keys.iter().map(|key| Write::set(key.clone(), text(LARGE)));
    assert_refused(&store, writes.collect(), "eleven of nearly one").await;
    assert!(!exists(&store, &keys[0]).await);
}

/// Maps in maps, and maps in lists.
pub async fn values_lie_in_each_other_up_to_twenty_deep(store: Store) {
    let in_a_map = |value: Value| Value::Map(Fields::new().with("m", value));
    let in_a_list = |value: Value| Value::Array(vec![value]);
    let mut nested = Value::from("x");
    for depth in 1..=21 {
        nested = if depth % 2 == 0 {
            in_a_list(nested)
        } else {
            in_a_map(nested)
        };
        let key = new_key();
        let set = Write::set(key.clone(), Fields::new().with("a", nested.clone()));
        if depth <= 20 {
            write(&store, set).await;
        } else {
            assert_refused(&store, vec![set], "21 deep").await;
        }
    }
}

/// With the collection's name and the index that it lacks: it is declared there.
pub async fn a_query_without_a_declared_index_is_refused(store: Store) {
    const INDEXES: &[Index] = &[
        &[ascending("a"), descending("b")],
        &[ascending("c")],
        &[ascending("a"), ascending("d")],
    ];
    let collection = indexed(INDEXES);
    let all = || Query::of(collection);
    for (query, lacks) in [
        (all().only("a", Equal, 1_i64), "a"),
        (all().order_by("b", Descending), "b"),
        (
            all().only("a", Equal, 1_i64).order_by("b", Ascending),
            "a, b",
        ),
        (
            all().only("d", Equal, 1_i64).only("c", Equal, 1_i64),
            "d, c",
        ),
        (
            all().only("c", Greater, 1_i64).order_by("a", Descending),
            "c, a descending",
        ),
    ] {
        let said = format!("{collection} has no index on {lacks}");
        assert_query_refused(&store, query, &said).await;
    }
    let two_ranges = all().only("a", Greater, 1_i64).only("d", Greater, 1_i64);
    assert_query_refused(&store, two_ranges, "a range is on the first field").await;
    for query in [
        all(),
        all().order_by("c", Descending),
        all().only("d", Equal, 1_i64).only("a", Equal, 1_i64),
        all().only("a", Equal, 1_i64).only("b", Equal, 1_i64),
        all().order_by("a", Ascending).order_by("b", Descending),
    ] {
        assert!(store.query(&query).await.unwrap().documents.is_empty());
    }
    // Without its automatic ones an index has one direction.
    let strict: &'static Collection = Box::leak(Box::new(collection.no_automatic_indexes()));
    let down = Query::of(strict).order_by("c", Descending);
    assert_query_refused(&store, down, "has no index on c descending").await;
    write(&store, Write::set(Key::new(strict, "x"), Fields::new())).await;
}
