//! Queries: what they find, in which order.

use chrono::DateTime;
use fanout_store::Comparison::{AtLeast, AtMost, Equal, Greater, Less};
use fanout_store::Direction::{Ascending, Descending};
use fanout_store::{Collection, Fields, Key, Query, Value, Write, ascending};

use super::scene::{Store, filled, found, indexed, new_collection, read, write};

fn moment(milliseconds: i64) -> Value {
    Value::from(DateTime::from_timestamp_millis(milliseconds).unwrap())
}

fn holding(value: impl Into<Value>) -> Fields {
    Fields::new().with("v", value.into())
}

/// One document for each kind of value, named in Firestore's order of kinds.
fn one_of_each() -> [(&'static str, Fields); 9] {
    [
        ("0-null", holding(Value::Null)),
        ("1-false", holding(false)),
        ("2-true", holding(true)),
        ("3-one", holding(1_i64)),
        ("4-more", holding(Value::Double(1.5))),
        ("5-moment", holding(moment(1_000))),
        ("6-text", holding("a")),
        ("7-list", holding(Value::Array(vec![1_i64.into()]))),
        ("8-map", holding(Value::Map(Fields::new().with("a", 1_i64)))),
    ]
}

/// The whole number 1 and the double 1.0 are equal; nothing else of different kinds is.
pub async fn equality_matches_values_of_every_kind(store: Store) {
    let documents = one_of_each();
    let collection = filled(&store, documents.clone()).await;
    for (id, fields) in documents {
        let value = fields.get("v").cloned().unwrap();
        let query = Query::of(collection).only("v", Equal, value);
        assert_eq!(found(&store, query).await, [id], "{id}");
    }
    let one = Query::of(collection).only("v", Equal, Value::Double(1.0));
    assert_eq!(found(&store, one).await.len(), 1);
    for absent in [Value::from(2_i64), Value::from("b"), Value::from("A")] {
        let query = Query::of(collection).only("v", Equal, absent);
        assert!(found(&store, query).await.is_empty());
    }
}

/// Numbers, texts and moments.
pub async fn ranges_match_on_their_side_of_the_value(store: Store) {
    let texts = ["", "a", "aa", "b"];
    for values in [
        [-5, 0, 3, i64::MAX].map(Value::from),
        [-0.5, 0.0, 1e-9, 1e300].map(Value::Double),
        texts.map(Value::from),
        [-1, 0, 1, 1_000_000].map(moment),
    ] {
        let ids = ["a", "b", "c", "d"];
        let documents = [0, 1, 2, 3].map(|n| (ids[n], holding(values[n].clone())));
        let collection = filled(&store, documents).await;
        for (n, value) in values.iter().enumerate() {
            for (comparison, expected) in [
                (Less, &ids[..n]),
                (AtMost, &ids[..=n]),
                (Greater, &ids[n + 1..]),
                (AtLeast, &ids[n..]),
            ] {
                let query = Query::of(collection).only("v", comparison, value.clone());
                let found = found(&store, query).await;
                assert_eq!(found, expected, "{comparison:?} number {n}, {value:?}");
            }
        }
    }
}

/// A number is neither less nor greater than a text.
pub async fn a_value_of_another_type_never_matches(store: Store) {
    let collection = filled(&store, one_of_each()).await;
    for (value, same_kind) in [
        (Value::from(1_i64), ["3-one", "4-more"].as_slice()),
        (Value::from("a"), &["6-text"]),
        (moment(1_000), &["5-moment"]),
        (Value::from(false), &["1-false", "2-true"]),
    ] {
        let at_least = Query::of(collection).only("v", AtLeast, value.clone());
        let mut matches = found(&store, at_least).await;
        let less = Query::of(collection).only("v", Less, value.clone());
        matches.extend(found(&store, less).await);
        matches.sort();
        assert_eq!(matches, same_kind, "{value:?}");
    }
}

/// Equalities on several fields and a range on one.
pub async fn all_filters_must_hold(store: Store) {
    let fields = |state: &str, owner: &str, n: i64| {
        Fields::new()
            .with("state", state)
            .with("owner", owner)
            .with("n", n)
    };
    let collection = filled(
        &store,
        [
            ("a", fields("open", "x", 1)),
            ("b", fields("open", "x", 2)),
            ("c", fields("open", "y", 2)),
            ("d", fields("done", "x", 2)),
            ("e", fields("open", "x", 3)),
            ("f", fields("open", "x", 4)),
            ("g", Fields::new().with("state", "open").with("n", 2_i64)),
        ],
    )
    .await;
    let query = Query::of(collection).only("state", Equal, "open");
    let query = query.only("owner", Equal, "x");
    assert_eq!(found(&store, query.clone()).await, ["a", "b", "e", "f"]);
    let query = query.only("n", Greater, 1_i64);
    assert_eq!(found(&store, query.clone()).await, ["b", "e", "f"]);
    let query = query.only("n", AtMost, 3_i64);
    assert_eq!(found(&store, query).await, ["b", "e"]);
}

/// Ties follow the id, in the direction of the field.
pub async fn an_order_goes_both_ways(store: Store) {
    let collection = filled(
        &store,
        [
            ("a", holding(3_i64)),
            ("b", holding(1_i64)),
            ("c", holding(2_i64)),
            ("d", holding(2_i64)),
        ],
    )
    .await;
    let by = |direction| Query::of(collection).order_by("v", direction);
    assert_eq!(found(&store, by(Ascending)).await, ["b", "c", "d", "a"]);
    assert_eq!(found(&store, by(Descending)).await, ["a", "d", "c", "b"]);
}

/// Each in its own direction; ties follow the last.
pub async fn a_second_field_orders_what_the_first_leaves_equal(store: Store) {
    let fields = |a: &str, b: i64| Fields::new().with("a", a).with("b", b);
    let collection = filled(
        &store,
        [
            ("1", fields("x", 1)),
            ("2", fields("x", 2)),
            ("3", fields("w", 9)),
            ("4", fields("x", 2)),
            ("5", fields("y", 0)),
        ],
    )
    .await;
    for (first, second, expected) in [
        (Ascending, Ascending, ["3", "1", "2", "4", "5"]),
        (Ascending, Descending, ["3", "4", "2", "1", "5"]),
        (Descending, Ascending, ["5", "1", "2", "4", "3"]),
        (Descending, Descending, ["5", "4", "2", "1", "3"]),
    ] {
        let query = Query::of(collection).order_by("a", first);
        let query = query.order_by("b", second);
        let found = found(&store, query).await;
        assert_eq!(found, expected, "{first:?}, {second:?}");
    }
}

/// Null, false, true, numbers, moments, texts, lists, maps.
pub async fn values_of_different_types_have_an_order(store: Store) {
    let documents = one_of_each();
    let mut ids = documents.clone().map(|(id, _)| id);
    let collection = filled(&store, documents).await;
    let ascending = Query::of(collection).order_by("v", Ascending);
    assert_eq!(found(&store, ascending).await, ids);
    ids.reverse();
    let descending = Query::of(collection).order_by("v", Descending);
    assert_eq!(found(&store, descending).await, ids);
}

/// Of their UTF-8, not by a language's alphabet nor by UTF-16.
pub async fn texts_are_ordered_by_their_bytes(store: Store) {
    let collection = filled(
        &store,
        [
            ("1", holding("")),
            ("2", holding("10")),
            ("3", holding("9")),
            ("4", holding("B")),
            ("5", holding("a")),
            ("6", holding("é")),
            ("7", holding("\u{FFFD}")),
            ("8", holding("😀")),
        ],
    )
    .await;
    let query = Query::of(collection).order_by("v", Ascending);
    let expected = ["1", "2", "3", "4", "5", "6", "7", "8"];
    assert_eq!(found(&store, query).await, expected);
}

/// Null is a value, absent is none.
pub async fn documents_without_the_field_of_an_order_are_left_out(store: Store) {
    let both = holding(1_i64).with("w", 1_i64);
    let documents = [
        ("a", holding(Value::Null)),
        ("b", Fields::new().with("w", 1_i64)),
        ("c", both),
        ("d", Fields::new()),
    ];
    let collection = filled(&store, documents).await;
    for direction in [Ascending, Descending] {
        let query = Query::of(collection).order_by("v", direction);
        assert_eq!(found(&store, query.clone()).await.len(), 2);
        let query = query.order_by("w", direction);
        assert_eq!(found(&store, query).await, ["c"]);
    }
    let all = found(&store, Query::of(collection)).await;
    assert_eq!(all, ["a", "b", "c", "d"]);
}

/// Firestore sorts by it before all else, unless the query says otherwise.
pub async fn the_field_of_a_range_comes_first(store: Store) {
    let fields = |n: i64, m: i64| Fields::new().with("n", n).with("m", m);
    let documents = [
        ("a", fields(3, 1)),
        ("b", fields(2, 2)),
        ("c", fields(2, 1)),
        ("d", fields(1, 0)),
    ];
    let collection = filled(&store, documents).await;
    let range = Query::of(collection).only("n", Greater, 1_i64);
    assert_eq!(found(&store, range.clone()).await, ["b", "c", "a"]);
    let and_more = range.clone().order_by("m", Ascending);
    assert_eq!(found(&store, and_more).await, ["c", "b", "a"]);
    let down = range.order_by("n", Descending);
    assert_eq!(found(&store, down).await, ["a", "c", "b"]);
}

/// In filters and in orders.
pub async fn fields_of_any_name_can_be_asked_for(store: Store) {
    for field in [
        "a.b",
        "$v",
        "$$v",
        "with space",
        "it's",
        "a`b",
        "7",
        "é",
        "[0]",
        "\"",
        "\\",
        "a\"b\\'c",
        "\n",
    ] {
        let value = |n: i64| Fields::new().with(field, n);
        let collection = indexed(vec![&*vec![ascending(field)].leak()].leak());
        for (id, content) in [("a", value(2)), ("b", value(1))] {
            write(&store, Write::set(Key::new(collection, id), content)).await;
        }
        let equal = Query::of(collection).only(field, Equal, 1_i64);
        assert_eq!(found(&store, equal).await, ["b"], "{field}");
        let order = Query::of(collection).order_by(field, Ascending).limit(1);
        assert_eq!(found(&store, order).await, ["b", "a"], "{field}");
    }
}

/// Not those of a collection whose name begins the same; keys and versions are those of a read.
pub async fn a_query_sees_one_collection_and_whole_documents(store: Store) {
    let collection = new_collection();
    let longer = Collection::named(format!("{collection}x").leak());
    let longer: &'static Collection = Box::leak(Box::new(longer));
    let key = Key::new(collection, "a");
    let content = holding("x").with("n", 1_i64);
    write(&store, Write::create(key.clone(), content)).await;
    write(&store, Write::create(Key::new(longer, "b"), Fields::new())).await;
    let page = store.query(&Query::of(collection)).await.unwrap();
    assert_eq!(page.documents, [read(&store, &key).await]);
    assert_eq!(page.next, None);
    let nothing = store.query(&Query::of(new_collection())).await.unwrap();
    assert!(nothing.documents.is_empty());
    assert_eq!(nothing.next, None);
}
