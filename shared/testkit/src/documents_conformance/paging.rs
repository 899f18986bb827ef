//! Paging: every document exactly once, in order, to the end.

use fanout_store::Comparison::{AtLeast, Equal, Less};
use fanout_store::Direction::{Ascending, Descending};
use fanout_store::{Collection, Fields, Key, Query, Value, Write};

use super::scene::{Store, found, new_collection, pages};

/// So many that the last page of three is not full.
const DOCUMENTS: i64 = 11;
const PAGE: u32 = 3;

/// `00` to `10`.
fn id(n: i64) -> String {
    format!("{n:02}")
}

/// Documents whose fields are made from their number.
async fn numbered(store: &Store, fields: impl Fn(i64) -> Fields) -> &'static Collection {
    let collection = new_collection();
    let writes = (0..DOCUMENTS).map(|n| Write::create(Key::new(collection, &id(n)), fields(n)));
    store.commit(writes.collect()).await.unwrap();
    collection
}

/// Asserts that the pages of three are the given numbers, and the same as one large page.
async fn assert_pages(store: &Store, query: Query, expected: impl IntoIterator<Item = i64>) {
    let expected: Vec<String> = expected.into_iter().map(id).collect();
    assert_eq!(found(store, query.clone()).await, expected, "in one page");
    let pages = pages(store, query.limit(PAGE)).await;
    let (last, full) = pages.split_last().unwrap();
    assert!(full.iter().all(|page| page.len() == PAGE as usize));
    assert!(last.len() < PAGE as usize);
    assert_eq!(pages.concat(), expected, "in pages of {PAGE}");
}

/// The order without an order.
pub async fn pages_by_id(store: Store) {
    let collection = numbered(&store, |_| Fields::new()).await;
    assert_pages(&store, Query::of(collection), 0..DOCUMENTS).await;
}

/// Pages end within the ties.
pub async fn pages_through_ties_in_either_direction(store: Store) {
    let collection = numbered(&store, |n| Fields::new().with("v", n / 5)).await;
    let up = Query::of(collection).order_by("v", Ascending);
    assert_pages(&store, up, 0..DOCUMENTS).await;
    let down = Query::of(collection).order_by("v", Descending);
    assert_pages(&store, down, (0..DOCUMENTS).rev()).await;
}

/// Neither field alone tells where a page ended.
pub async fn pages_through_two_fields_of_opposite_directions(store: Store) {
    let fields = |n: i64| Fields::new().with("a", n / 4).with("b", n / 2 % 2);
    let collection = numbered(&store, fields).await;
    let up_down = Query::of(collection)
        .order_by("a", Ascending)
        .order_by("b", Descending);
    assert_pages(&store, up_down, [3, 2, 1, 0, 7, 6, 5, 4, 10, 9, 8]).await;
    let down_up = Query::of(collection)
        .order_by("a", Descending)
        .order_by("b", Ascending);
    assert_pages(&store, down_up, [8, 9, 10, 4, 5, 6, 7, 0, 1, 2, 3]).await;
}

/// A page may end on a null, and the next one begin with another type.
pub async fn pages_through_nulls_and_mixed_types(store: Store) {
    let value = |n: i64| match n {
        0..4 => Value::Null,
        4..6 => Value::from(n == 5),
        6..8 => Value::from(n),
        _ => Value::from("same"),
    };
    let collection = numbered(&store, |n| Fields::new().with("v", value(n))).await;
    let up = Query::of(collection).order_by("v", Ascending);
    assert_pages(&store, up, 0..DOCUMENTS).await;
    let down = Query::of(collection).order_by("v", Descending);
    assert_pages(&store, down, (0..DOCUMENTS).rev()).await;
}

/// As the outbox relay reads one subject's rows.
pub async fn pages_through_what_a_filter_leaves(store: Store) {
    let fields = |n: i64| {
        let subject = if n == 4 || n == 7 { "other" } else { "mine" };
        Fields::new().with("subject", subject).with("v", -n / 2)
    };
    let collection = numbered(&store, fields).await;
    let mine = Query::of(collection).only("subject", Equal, "mine");
    let by_id = [0, 1, 2, 3, 5, 6, 8, 9, 10];
    assert_eq!(found(&store, mine.clone().limit(2)).await, by_id.map(id));
    // -n / 2 rounds towards 0: 10 | 8 9 | 6 | 5 | 2 3 | 0 1.
    let sorted = mine.order_by("v", Ascending).limit(2);
    let expected = [10, 8, 9, 6, 5, 2, 3, 0, 1].map(id);
    assert_eq!(found(&store, sorted).await, expected);
}

/// The range keeps out what lies behind the last page.
pub async fn pages_through_a_range(store: Store) {
    let collection = numbered(&store, |n| Fields::new().with("v", n / 2)).await;
    let range = || {
        let query = Query::of(collection).only("v", AtLeast, 1_i64);
        query.only("v", Less, 5_i64)
    };
    assert_pages(&store, range(), 2..10).await;
    let down = range().order_by("v", Descending);
    assert_pages(&store, down, (2..10).rev()).await;
}

/// Nobody can know before asking.
pub async fn a_last_page_that_is_full_is_followed_by_an_empty_one(store: Store) {
    let collection = numbered(&store, |n| Fields::new().with("v", n)).await;
    let nine = Query::of(collection).only("v", Less, 9_i64).limit(PAGE);
    let sizes: Vec<usize> = pages(&store, nine).await.iter().map(Vec::len).collect();
    assert_eq!(sizes, [3, 3, 3, 0]);
}

/// A cursor is a place, not a document: rows are deleted while they are being paged through.
pub async fn a_cursor_holds_after_its_document_is_gone(store: Store) {
    let collection = numbered(&store, |n| Fields::new().with("v", n / 5)).await;
    let query = Query::of(collection).order_by("v", Ascending).limit(PAGE);
    let mut seen = Vec::new();
    let mut next = Some(query.clone());
    while let Some(now) = next {
        let page = store.query(&now).await.unwrap();
        let keys = page.documents.iter().map(|document| document.key.clone());
        let deletes = keys.clone().map(Write::delete).collect();
        seen.extend(keys.map(|key| key.id().to_owned()));
        store.commit(deletes).await.unwrap();
        next = page.next.map(|cursor| query.clone().after(cursor));
    }
    assert_eq!(seen, Vec::from_iter((0..DOCUMENTS).map(id)));
}
