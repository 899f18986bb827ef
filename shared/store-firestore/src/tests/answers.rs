//! What Firestore answers, and what it must not be taken for.

use fanout_runtime::error_chain;
use fanout_store::{
    Collection, CommitError, Documents, Fields, Key, Query, StoreError, UpdateTime, Violation,
    Write,
};
use gcloud_sdk::tonic::Code;

use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use prost::Message as _;

use super::stand_in::{Reply, StandIn, found};
use crate::names::Names;
use crate::values::{of_type, version_to_proto};

const LEASES: &Collection = &Collection::named("leases");
const USER_EMAILS: &Collection = &Collection::named("user_emails").private();
const VERSION: UpdateTime = UpdateTime(1_000_000_000);
const LATER: UpdateTime = UpdateTime(2_000_000_000);

fn key(id: &str) -> Key {
    Key::new(LEASES, id)
}

/// An answer that names no document, as the service may give it.
fn changed() -> Reply {
    let message = "the stored version does not match the required base version";
    Reply::Error(Code::FailedPrecondition, message.to_owned())
}

fn replaced(id: &str) -> Write {
    Write::replace(key(id), Fields::new(), VERSION)
}

#[tokio::test]
async fn a_conflict_that_is_gone_by_the_time_of_the_second_look_is_blamed_on_no_document() {
    let (a, b) = (key("a"), key("b"));
    let both_hold = found(&[(&a, Some(VERSION)), (&b, Some(VERSION))]);
    let firestore = StandIn::start([changed(), both_hold]).await;
    let documents = firestore.documents().await;
    let commit = documents.commit(vec![replaced("a"), replaced("b")]).await;
    assert!(
        matches!(commit, Err(CommitError::Contention(_))),
        "{commit:?}"
    );
    assert_eq!(firestore.calls(), ["Commit", "BatchGetDocuments"]);
}

#[tokio::test]
async fn a_conflict_that_no_message_names_is_the_first_that_still_is_one() {
    let (a, b) = (key("a"), key("b"));
    let b_has_changed = found(&[(&a, Some(VERSION)), (&b, Some(LATER))]);
    let firestore = StandIn::start([changed(), b_has_changed]).await;
    let documents = firestore.documents().await;
    let commit = documents.commit(vec![replaced("a"), replaced("b")]).await;
    let Err(CommitError::Conflict(conflict)) = commit else {
        panic!("{commit:?}");
    };
    let named = (conflict.index, conflict.key, conflict.violation);
    assert_eq!(named, (1, b, Violation::Changed));
}

/// Nothing was written, whatever becomes of the second look.
#[tokio::test]
async fn a_second_look_that_fails_leaves_open_who_is_to_blame() {
    let unavailable = Reply::Error(Code::Unavailable, "not now".to_owned());
    let firestore = StandIn::start([changed(), unavailable]).await;
    let documents = firestore.documents().await;
    let commit = documents.commit(vec![replaced("a"), replaced("b")]).await;
    assert!(
        matches!(commit, Err(CommitError::Contention(_))),
        "{commit:?}"
    );
}

/// A page may have hundreds, and one of them has to be repaired.
#[tokio::test]
async fn a_page_with_a_value_that_no_adapter_writes_is_an_error_that_names_the_document() {
    for (collection, shown) in [
        (LEASES, "leases/a: "),
        (USER_EMAILS, "user_emails/[private]: "),
    ] {
        let key = Key::new(collection, "a");
        let bytes = of_type(ValueType::BytesValue(vec![1]));
        let document = proto::Document {
            name: Names::new("demo", "(default)").document(&key),
            fields: [("note".to_owned(), bytes)].into(),
            update_time: Some(version_to_proto(VERSION)),
            ..Default::default()
        };
        let answer = proto::RunQueryResponse {
            document: Some(document),
            ..Default::default()
        };
        let answer = Reply::Answer(vec![answer.encode_to_vec()]);
        let documents = StandIn::start([answer]).await.documents().await;
        let error = documents.query(&Query::of(collection)).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
        let told = error_chain(&error);
        assert!(told.contains(shown) && told.ends_with("bytes"), "{told}");
    }
}

/// Firestore's messages name documents, and an id may be made of an address.
#[tokio::test]
async fn no_error_carries_a_private_id() {
    let id = "3f0a9c";
    let private = Key::new(USER_EMAILS, id);
    let said = |code| {
        let name = format!("projects/demo/databases/(default)/documents/user_emails/{id}");
        Reply::Error(
            code,
            format!("something about {name} and path=/user_emails/{id}"),
        )
    };
    for code in [
        Code::AlreadyExists,
        Code::Aborted,
        Code::Unavailable,
        Code::InvalidArgument,
        Code::FailedPrecondition,
        Code::NotFound,
    ] {
        let firestore = StandIn::start([said(code), said(code), said(code)]).await;
        let documents = firestore.documents().await;
        let create = Write::create(private.clone(), Fields::new());
        let commit = documents.commit(vec![create]).await.unwrap_err();
        let get = documents.get(&private).await.unwrap_err();
        let mut query = Query::of(USER_EMAILS);
        query.after = Some(fanout_store::Cursor {
            values: Vec::new(),
            id: id.to_owned(),
        });
        let query: StoreError = documents.query(&query).await.unwrap_err();
        for shown in [
            format!("{} {commit:?}", error_chain(&commit)),
            format!("{} {get:?}", error_chain(&get)),
            format!("{} {query:?}", error_chain(&query)),
        ] {
            assert!(!shown.contains(id), "{shown}");
            assert!(shown.contains("[private]"), "{shown}");
        }
    }
}
