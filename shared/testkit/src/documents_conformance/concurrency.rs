//! Many writers on one document.

use fanout_store::{CommitError, Fields, Key, Violation, Write};
use tokio::task::JoinSet;

use super::scene::{Store, commit_patiently, fields, new_collection, new_key, read, write};

const WRITERS: i64 = 32;

/// Runs one task for each writer, all at once, and collects what they answer.
async fn all_at_once<F, T>(writer: impl Fn(i64) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let writers: JoinSet<T> = (0..WRITERS).map(writer).collect();
    writers.join_all().await
}

/// On a document that none of them found.
pub async fn no_increment_of_many_is_lost(store: Store) {
    let key = new_key();
    let commits = all_at_once(|n| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            let count = Write::merge(key, Fields::new()).increment("n", 1);
            commit_patiently(&store, vec![count.increment("sum", n)]).await
        }
    });
    for commit in commits.await {
        commit.unwrap();
    }
    let total = fields(&store, &key).await;
    assert_eq!(total.integer("n"), Ok(WRITERS));
    assert_eq!(total.integer("sum"), Ok((0..WRITERS).sum()));
}

/// And it is the winner's document that is there.
pub async fn one_of_many_creations_wins(store: Store) {
    let key = new_key();
    let creations = all_at_once(|n| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            let create = Write::create(key, Fields::new().with("by", n));
            (n, commit_patiently(&store, vec![create]).await)
        }
    });
    let mut winners = Vec::new();
    for (n, creation) in creations.await {
        match creation {
            Ok(_) => winners.push(n),
            Err(CommitError::Conflict(conflict)) => {
                assert_eq!(conflict.violation, Violation::AlreadyExists);
            }
            Err(other) => panic!("writer {n}: {other:?}"),
        }
    }
    let by = fields(&store, &key).await.integer("by").unwrap();
    assert_eq!(winners, [by]);
}

/// What "once per event" rests on: of 32 deliveries of each of 4 events, the effect of one stays.
pub async fn one_of_many_marks_brings_its_effect(store: Store) {
    let collection = new_collection();
    let counter = Key::new(collection, "counter");
    let deliveries = all_at_once(|n| {
        let (store, counter) = (store.clone(), counter.clone());
        async move {
            let mut effects = 0;
            for event in 0..4 {
                // Each begins with another event, so that all four are contended.
                let event = (event + n) % 4;
                let mark = Key::new(collection, &format!("mark-{event}"));
                let writes = vec![
                    Write::create(mark, Fields::new()),
                    Write::merge(counter.clone(), Fields::new()).increment("n", 1),
                ];
                match commit_patiently(&store, writes).await {
                    Ok(_) => effects += 1,
                    Err(CommitError::Conflict(conflict)) => assert_eq!(conflict.index, 0),
                    Err(other) => panic!("writer {n}: {other:?}"),
                }
            }
            effects
        }
    });
    let effects: i64 = deliveries.await.into_iter().sum();
    assert_eq!(effects, 4);
    assert_eq!(fields(&store, &counter).await.integer("n"), Ok(4));
}

/// Each reads, changes and writes back what it read, again and again until nobody was faster.
pub async fn no_read_modify_write_of_many_is_lost(store: Store) {
    let key = new_key();
    let zero = Fields::new().with("n", 0_i64);
    write(&store, Write::create(key.clone(), zero)).await;
    let writers = all_at_once(|_| {
        let (store, key) = (store.clone(), key.clone());
        async move {
            loop {
                let document = read(&store, &key).await;
                let n = document.fields.integer("n").unwrap() + 1;
                let content = Fields::new().with("n", n);
                let replace = Write::replace(key.clone(), content, document.update_time);
                match commit_patiently(&store, vec![replace]).await {
                    Ok(_) => return,
                    Err(CommitError::Conflict(conflict)) => {
                        assert_eq!(conflict.violation, Violation::Changed);
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    });
    writers.await;
    assert_eq!(fields(&store, &key).await.integer("n"), Ok(WRITERS));
}
