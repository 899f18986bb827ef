//! Every query that a declared index answers is answered from it alone, on the embedded engine: no
//! statement walks over a collection, or sorts, however many documents there are.

use std::sync::Arc;

use chrono::DateTime;
use fanout_runtime::SystemClock;
use fanout_store::Comparison::{AtLeast, AtMost, Equal, Greater, Less};
use fanout_store::{
    Collection, Cursor, Documents, Fields, Index, Key, Order, Query, Value, Write, ascending,
    descending,
};
use fanout_store_sqlite::{Database, SqliteDocuments};

/// What no collection needs yet.
const MIXED: &Collection = &Collection::named("mixed").indexes(&[
    &[ascending("a"), descending("b"), ascending("c")],
    &[descending("a"), ascending("b")],
    &[descending("c")],
]);

async fn open() -> SqliteDocuments {
    let database = Database::in_memory().unwrap();
    let documents = SqliteDocuments::open(database, Arc::new(SystemClock)).await;
    documents.unwrap()
}

/// One of each kind that is indexed.
fn values() -> [Value; 4] {
    let moment = DateTime::from_timestamp_millis(1).unwrap();
    [Value::Null, 1_i64.into(), moment.into(), "x".into()]
}

fn sorted(query: Query, order: &[Order]) -> Query {
    let by = |query: Query, by: &Order| query.order_by(by.field, by.direction);
    order.iter().fold(query, by)
}

/// What an index answers: its first fields compared for equality, the next one perhaps for a range,
/// and the rest in order.
fn answered_by(collection: &'static Collection, index: Index) -> Vec<Query> {
    let mut queries = Vec::new();
    for equal in 0..=index.len() {
        let (equal, order) = index.split_at(equal);
        for value in values() {
            let only = |query: Query, by: &Order| query.only(by.field, Equal, value.clone());
            let query = equal.iter().fold(Query::of(collection), only);
            queries.push(sorted(query.clone(), order));
            if let Some(first) = order.first() {
                let range = |from, to| {
                    let query = query.clone().only(first.field, from, value.clone());
                    sorted(query.only(first.field, to, value.clone()), order)
                };
                queries.extend([range(AtLeast, Less), range(Greater, AtMost)]);
            }
        }
    }
    queries
}

/// And the same behind any cursor.
fn and_the_next_page(query: Query) -> Vec<Query> {
    let fields = query.full_order().len();
    let behind = values().map(|value| Cursor {
        values: vec![value; fields],
        id: "x".to_owned(),
    });
    let next = behind.into_iter().map(|cursor| query.clone().after(cursor));
    next.chain([query.clone()]).collect()
}

fn queries_of(collection: &'static Collection) -> Vec<Query> {
    let indexes = collection.indexes.iter();
    let answered = indexes.flat_map(|index| answered_by(collection, index));
    let all = answered.chain([Query::of(collection)]);
    all.flat_map(and_the_next_page).collect()
}

/// Each step is a search in an index, which begins where the documents begin.
async fn plans(documents: &SqliteDocuments, collection: &'static Collection) -> Vec<Vec<String>> {
    let mut plans = Vec::new();
    for query in queries_of(collection) {
        let plan = documents.plan(&query).await.unwrap();
        let searches = format!("SEARCH documents_{collection} USING INDEX ");
        for step in &plan {
            assert!(step.starts_with(&searches), "{query:?}: {plan:#?}");
            let fixed = query.filters.iter().filter(|it| it.is_equality()).count();
            let equal = step.matches("=?").count();
            assert!(equal >= fixed, "{query:?}: {plan:#?}");
            assert!(step.contains(">?") || step.contains("<?") || equal > 0);
        }
        plans.push(plan);
    }
    plans
}

#[tokio::test]
async fn every_declared_query_is_a_search_in_its_index_on_an_empty_and_on_a_full_file() {
    let documents = open().await;
    for collection in system::collections().into_iter().chain([MIXED]) {
        let empty = plans(&documents, collection).await;
        let fields = collection.indexes.concat();
        let writes = (0..500_usize).map(|n| {
            let value = |place: usize| values()[(n >> place) % 4].clone();
            let fields = fields.iter().enumerate();
            let fields = fields.map(|(place, by)| (by.field.to_owned(), value(place)));
            Write::set(Key::new(collection, &format!("{n}")), fields.collect())
        });
        documents.commit(writes.collect()).await.unwrap();
        let full = plans(&documents, collection).await;
        assert_eq!(full, empty, "{collection}");
    }
}

#[tokio::test]
async fn a_page_behind_a_cursor_is_one_range_of_the_index_after_the_other() {
    let query = Query::of(fanout_outbox::EVENTS)
        .only("waiting", Equal, 3_i64)
        .only("recorded_at", AtLeast, DateTime::UNIX_EPOCH)
        .after(Cursor {
            values: vec![DateTime::UNIX_EPOCH.into()],
            id: "evt_1".to_owned(),
        });
    let index = "SEARCH documents_events USING INDEX documents_events on waiting, recorded_at";
    let same_time = "(by waiting=? AND by recorded_at=? AND id>?)";
    let later = "(by waiting=? AND by recorded_at>? AND by recorded_at<?)";
    let expected = [same_time, later].map(|range| format!("{index} {range}"));
    assert_eq!(open().await.plan(&query).await.unwrap(), expected);
}

#[tokio::test]
async fn fields_that_are_no_longer_indexed_lose_their_index_and_others_get_theirs() {
    const BEFORE: &Collection = &Collection::named("c").indexes(&[&[ascending("a")]]);
    const AFTER: &Collection = &Collection::named("c").indexes(&[&[ascending("b")]]);
    let database = Database::in_memory().unwrap();
    let open = || SqliteDocuments::open(database.clone(), Arc::new(SystemClock));
    let fields = Fields::new().with("a", 1_i64).with("b", 1_i64);
    let write = Write::set(Key::new(BEFORE, "x"), fields);
    open().await.unwrap().commit(vec![write]).await.unwrap();
    let restarted = open().await.unwrap();
    let by_b = Query::of(AFTER).only("b", Equal, 1_i64);
    assert_eq!(restarted.query(&by_b).await.unwrap().documents.len(), 1);
    let indexes = database.call(|file| {
        let sql = "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'index' AND sql <> ''";
        Ok::<_, fanout_store_sqlite::DatabaseError>(
            file.query_row(sql, [], |row| row.get::<_, String>(0))?,
        )
    });
    assert_eq!(indexes.await.unwrap(), "documents_c on b");
}
