//! A connection that died, with or without a word.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fanout_store::{
    Collection, CommitError, Documents, Fields, Key, Precondition, Query, StoreError, UpdateTime,
    Write,
};

use fanout_testkit::SilentProxy;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::stand_in::{Reply, StandIn, committed, documents_at, found};
use crate::FirestoreDocuments;
use crate::connection::Limits;
use crate::time_limit::TimeLimit;

const USERS: &Collection = &Collection::named("users");

fn key() -> Key {
    Key::new(USERS, "a")
}

#[tokio::test]
async fn a_call_that_can_be_made_twice_is_made_again_when_the_connection_breaks() {
    let set = Write::set(key(), Fields::new());
    let absent = found(&[(&key(), None)]);
    let nothing = Reply::Answer(Vec::new());
    let replies = [
        [Reply::Break, absent],
        [Reply::Break, nothing],
        [Reply::Break, committed(1)],
    ];
    let firestore = StandIn::start(replies.concat()).await;
    let documents = firestore.documents().await;
    assert_eq!(documents.get(&key()).await.unwrap(), None);
    assert!(documents.query(&Query::of(USERS)).await.is_ok());
    assert!(documents.commit(vec![set]).await.is_ok());
    assert_eq!(firestore.calls().len(), 6);
}

#[tokio::test]
async fn a_call_is_made_twice_at_most() {
    let firestore = StandIn::start([Reply::Break, Reply::Break]).await;
    let documents = firestore.documents().await;
    let error = documents.get(&key()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(firestore.calls().len(), 2);
}

/// The first one may have taken effect: the second would count twice, or be too late.
#[tokio::test]
async fn a_commit_that_must_not_be_made_twice_is_left_to_the_caller() {
    let version = Precondition::UpdatedAt(UpdateTime(1));
    for write in [
        Write::create(key(), Fields::new()),
        Write::replace(key(), Fields::new(), UpdateTime(1)),
        Write::merge(key(), Fields::new()).increment("n", 1),
        Write::delete(key()).only_if(Precondition::Exists),
        Write::delete(key()).only_if(version),
        Write::merge(key(), Fields::new()).only_if(Precondition::Absent),
    ] {
        let firestore = StandIn::start([Reply::Break]).await;
        let documents = firestore.documents().await;
        let harmless = Write::delete(Key::new(USERS, "b"));
        let commit = documents.commit(vec![harmless, write.clone()]).await;
        let unavailable = matches!(commit, Err(CommitError::Store(StoreError::Unavailable(_))));
        assert!(unavailable, "{write:?}: {commit:?}");
        assert_eq!(firestore.calls(), ["Commit"], "{write:?}");
    }
}

#[tokio::test]
async fn a_commit_that_leaves_the_same_behind_is_made_again() {
    for write in [
        Write::merge(key(), Fields::new()).remove_field("x"),
        Write::set(key(), Fields::new()).only_if(Precondition::Exists),
        Write::delete(key()),
        Write::absent(key()),
        Write::verify(key(), UpdateTime(1)),
    ] {
        let firestore = StandIn::start([Reply::Break, committed(1)]).await;
        let documents = firestore.documents().await;
        let commit = documents.commit(vec![write.clone()]).await;
        assert!(commit.is_ok(), "{write:?}: {commit:?}");
    }
}

/// Also for a commit that must not be made twice: it is asked of a connection that lives.
#[tokio::test]
async fn a_connection_that_died_without_a_word_is_made_anew_before_the_next_call() {
    let there = Reply::Answer(Vec::new());
    let replies = [there, committed(1), Reply::Silence, committed(1)];
    let firestore = StandIn::start(replies).await;
    let mut documents = firestore.documents().await;
    documents.connection.limits.idle = Duration::ZERO;
    documents.connection.limits.sign_of_life = TimeLimit(Duration::from_millis(500));
    let create = || vec![Write::create(key(), Fields::new())];
    documents.commit(create()).await.unwrap();
    documents.commit(create()).await.unwrap();
    let asked = ["BatchGetDocuments", "Commit", "BatchGetDocuments", "Commit"];
    assert_eq!(firestore.calls(), asked);
}

const SHORT: Duration = Duration::from_millis(100);

/// One whose connection went silent under a call that its caller has given up.
async fn gone_silent(proxy: &SilentProxy) -> FirestoreDocuments {
    let mut documents = documents_at(&proxy.host).await;
    documents.connection.limits.silent = SHORT;
    documents.connection.limits.sign_of_life = TimeLimit(5 * SHORT);
    documents.commit(vec![Write::absent(key())]).await.unwrap();
    proxy.silence();
    let create = vec![Write::create(key(), Fields::new())];
    let given_up = timeout(2 * SHORT, documents.commit(create)).await;
    assert!(given_up.is_err(), "{given_up:?}");
    documents
}

#[tokio::test]
async fn a_connection_that_goes_silent_without_a_reset_is_made_anew_for_the_next_call() {
    let firestore = StandIn::start(vec![committed(1); 100]).await;
    let proxy = SilentProxy::before(&firestore.host).await;
    let documents = gone_silent(&proxy).await;
    let create = || vec![Write::create(key(), Fields::new())];
    // Callers that do not wait long enough do not keep it from being made.
    let made = async { while timeout(SHORT, documents.commit(create())).await.is_err() {} };
    timeout(TimeLimit::CALL.0, made).await.unwrap();
    let calls = firestore.calls();
    assert!(
        calls.len() >= 2 && calls.iter().all(|call| call == "Commit"),
        "{calls:?}"
    );
}

/// A call that hangs to its end is no sign of life.
#[tokio::test]
async fn after_a_call_that_hung_the_next_one_is_made_on_another_connection() {
    let firestore = StandIn::start(vec![committed(1); 100]).await;
    let proxy = SilentProxy::before(&firestore.host).await;
    let mut documents = documents_at(&proxy.host).await;
    documents.connection.limits.call = TimeLimit(2 * SHORT);
    documents.connection.limits.silent = SHORT;
    documents.connection.limits.sign_of_life = TimeLimit(SHORT);
    let create = || vec![Write::create(key(), Fields::new())];
    documents.commit(create()).await.unwrap();
    proxy.silence();
    documents.commit(create()).await.unwrap_err();
    documents.connection.limits.call = TimeLimit::CALL;
    documents.commit(create()).await.unwrap();
    assert_eq!(firestore.calls(), ["Commit", "Commit"]);
}

#[tokio::test]
async fn a_late_answer_says_nothing_of_the_connection_that_was_made_since() {
    let late = Arc::new(Notify::new());
    let mut replies = vec![Reply::Late(Arc::clone(&late)), Reply::Silence];
    replies.extend(vec![committed(1); 100]);
    let firestore = StandIn::start(replies).await;
    let mut documents = firestore.documents().await;
    documents.connection.limits.silent = SHORT;
    documents.connection.limits.sign_of_life = TimeLimit(2 * SHORT);
    let create = || vec![Write::create(key(), Fields::new())];
    let mut first = pin!(documents.commit(create()));
    assert!(timeout(2 * SHORT, &mut first).await.is_err());
    let second = timeout(10 * SHORT, documents.commit(create())).await;
    assert!(second.is_err(), "{second:?}");
    late.notify_one();
    first.await.unwrap();
    let third = timeout(TimeLimit::CALL.0 / 2, documents.commit(create())).await;
    assert!(matches!(third, Ok(Ok(_))), "{third:?}");
}

#[tokio::test]
async fn where_no_new_connection_can_be_made_all_who_wait_for_it_are_told_together() {
    let firestore = StandIn::start([committed(1)]).await;
    let proxy = SilentProxy::before(&firestore.host).await;
    let documents = gone_silent(&proxy).await;
    drop(proxy);
    let start = Instant::now();
    let reads = (0..20).map(|_| async { documents.get(&key()).await });
    for read in futures_util::future::join_all(reads).await {
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    }
    assert!(start.elapsed() < 50 * SHORT, "{:?}", start.elapsed());
}

#[test]
fn a_silent_connection_is_replaced_within_ten_seconds() {
    let Limits {
        silent,
        sign_of_life,
        ..
    } = Limits::USUAL;
    assert!(silent + sign_of_life.0 < Duration::from_secs(10));
}

/// One that is busy is not asked.
#[tokio::test]
async fn a_call_costs_one_call() {
    let firestore = StandIn::start([committed(1), committed(1)]).await;
    let documents = firestore.documents().await;
    for _ in 0..2 {
        let create = Write::create(key(), Fields::new());
        documents.commit(vec![create]).await.unwrap();
    }
    assert_eq!(firestore.calls(), ["Commit", "Commit"]);
}

/// Time passes that no timer waits for.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn after_a_minute_without_an_answer_a_connection_is_asked_for_one() {
    let there = Reply::Answer(Vec::new());
    let replies = [committed(1), committed(1), there, committed(1)];
    let firestore = StandIn::start(replies).await;
    let documents = firestore.documents().await;
    for idle in [0, 45, 61] {
        pass(Duration::from_secs(idle)).await;
        let create = Write::create(key(), Fields::new());
        documents.commit(vec![create]).await.unwrap();
    }
    let asked = ["Commit", "Commit", "BatchGetDocuments", "Commit"];
    assert_eq!(firestore.calls(), asked);
}

#[tokio::test]
async fn of_calls_that_come_together_after_a_pause_one_asks_for_a_sign_of_life() {
    let there = Reply::Answer(Vec::new());
    let replies = [committed(1), there, committed(1), committed(1)];
    let firestore = StandIn::start(replies).await;
    let documents = firestore.documents().await;
    let commit = async || {
        let create = Write::create(key(), Fields::new());
        documents.commit(vec![create]).await.unwrap();
    };
    commit().await;
    pass(Duration::from_secs(61)).await;
    tokio::join!(commit(), commit());
    let asked = ["Commit", "BatchGetDocuments", "Commit", "Commit"];
    assert_eq!(firestore.calls(), asked);
}

#[tokio::test]
async fn what_firestore_would_refuse_is_not_sent() {
    let firestore = StandIn::start([]).await;
    let twice = vec![Write::set(key(), Fields::new()), Write::delete(key())];
    let refused = firestore.documents().await.commit(twice).await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(refused, CommitError::Store(StoreError::Refused(_))),
        "{refused:?}"
    );
    assert!(firestore.calls().is_empty());
}

#[tokio::test]
async fn a_server_that_hangs_is_not_available() {
    // Takes the connection and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = silent.local_addr().unwrap().to_string();
    let mut documents = documents_at(&host).await;
    let soon = TimeLimit(Duration::from_millis(50));
    documents.connection.limits.call = soon;
    documents.connection.limits.sign_of_life = soon;

    let read = documents.get(&key()).await.unwrap_err();
    assert!(matches!(read, StoreError::Unavailable(_)), "{read:?}");
    let query = documents.query(&Query::of(USERS)).await.unwrap_err();
    assert!(matches!(query, StoreError::Unavailable(_)), "{query:?}");
    let commit = documents.commit(vec![Write::delete(key())]).await;
    let commit = commit.unwrap_err();
    let unavailable = matches!(commit, CommitError::Store(StoreError::Unavailable(_)));
    assert!(unavailable, "{commit:?}");
}
