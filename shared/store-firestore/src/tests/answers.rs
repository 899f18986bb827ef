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

/// Somebody gave it a field in Firestore's console: that stops neither it nor the others of its page.
#[tokio::test]
async fn a_document_with_a_value_that_no_adapter_writes_is_read_but_for_that_value() {
    let fields = [
        ("note", ValueType::BytesValue(vec![1])),
        ("holder", ValueType::StringValue("own_1".to_owned())),
    ];
    let document = proto::Document {
        name: Names::new("demo", "(default)").document(&Key::new(LEASES, "a")),
        fields: fields
            .map(|(name, it)| (name.to_owned(), of_type(it)))
            .into(),
        update_time: Some(version_to_proto(VERSION)),
        ..Default::default()
    };
    let answer = proto::RunQueryResponse {
        document: Some(document),
        ..Default::default()
    };
    let answer = Reply::Answer(vec![answer.encode_to_vec()]);
    let documents = StandIn::start([answer]).await.documents().await;
    let page = documents.query(&Query::of(LEASES)).await.unwrap();
    let [found] = page.documents.try_into().unwrap();
    assert_eq!(found.fields.text("holder"), Ok("own_1"));
    let unread = found.fields.text("note").unwrap_err().to_string();
    assert!(unread.contains("`note`"), "{unread}");
    let copied = documents
        .commit(vec![Write::set(found.key, found.fields)])
        .await;
    assert!(
        matches!(copied, Err(CommitError::Store(StoreError::Refused(_)))),
        "{copied:?}"
    );
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
