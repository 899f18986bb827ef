//! The `Documents` port on Firestore.

use std::collections::HashMap;

use async_trait::async_trait;
use fanout_google_grpc::{Channel, call, ready};
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as Found;
use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use gcloud_sdk::prost::bytes::Bytes;
use gcloud_sdk::tonic::{Request, Status};

use super::conflict::{Suspicion, conditional, first_violated, suspicion};
use super::connect::{ConnectError, FirestoreOptions};
use super::connection::Connection;
use super::names::Names;
use super::queries;
use super::status::{Failure, answer, failure, read_error};
use super::values::{ForeignFormat, fields_from_proto, version_from_proto};
use super::writes::{commit_request, no_fields};
use fanout_store::{
    Collection, CommitError, CommitReceipt, Content, Document, Documents, Key, Page, Precondition,
    Query, StoreError, Write, check_writes,
};
use fanout_telemetry::commit_span;
use tracing::Instrument as _;

/// Documents in a Firestore database. A call is made once, or twice where the connection broke and
/// that can do no harm: the caller decides about further tries.
pub struct FirestoreDocuments {
    pub(super) connection: Connection,
    names: Names,
}

/// What an answer without error is that does not cover what was asked.
const INCOMPLETE: &str = "Firestore's answer is incomplete";

impl FirestoreDocuments {
    /// Connects to the service, or to an emulator if the options name one.
    pub async fn connect(options: FirestoreOptions) -> Result<Self, ConnectError> {
        Ok(Self {
            names: options.names(),
            connection: Connection::open(options).await?,
        })
    }

    /// These documents, in the order of the keys, in one round trip. Not `GetDocument`: that
    /// answers NOT_FOUND for a missing document and for a missing database alike. No mask: all
    /// fields.
    async fn read(
        &self,
        keys: &[Key],
        mask: Option<proto::DocumentMask>,
    ) -> Result<Vec<Option<Document>>, StoreError> {
        let message = proto::BatchGetDocumentsRequest {
            database: self.names.database.clone(),
            documents: keys.iter().map(|key| self.names.document(key)).collect(),
            mask,
            ..Default::default()
        };
        let answer = self.connection.call(true, message, batch_get).await;
        let found = answer.map_err(|status| read_error(&status, keys))?;
        keys.iter()
            .map(|key| match found.get(&self.names.document(key)) {
                Some(Some(document)) => self.document(key.declared(), document.clone()).map(Some),
                Some(None) => Ok(None),
                None => Err(StoreError::Unavailable(INCOMPLETE.into())),
            })
            .collect()
    }

    fn document(
        &self,
        collection: &'static Collection,
        document: proto::Document,
    ) -> Result<Document, StoreError> {
        let key = self.names.key(collection, &document.name);
        let key = key.ok_or(ForeignFormat::OtherCollection)?;
        let update_time = document.update_time.ok_or(ForeignFormat::NoUpdateTime)?;
        Ok(Document {
            key,
            fields: fields_from_proto(document.fields),
            update_time: version_from_proto(update_time),
        })
    }

    async fn commit_error(&self, writes: &[Write], status: Status) -> CommitError {
        let answer = answer(&status, writes.iter().map(|write| &write.key));
        match failure(&status) {
            Failure::Precondition => self.conflict(writes, &status, answer).await,
            // The emulator answers ABORTED, too, to all of several creations of one document at
            // the same moment, where the service lets one of them win.
            Failure::Contention => CommitError::Contention(answer.into()),
            Failure::Unavailable => StoreError::Unavailable(answer.into()).into(),
            Failure::Refused => StoreError::Refused(answer.into()).into(),
        }
    }

    /// The first violated precondition; costs a read only if the answer leaves it open.
    async fn conflict(&self, writes: &[Write], status: &Status, answer: String) -> CommitError {
        match suspicion(&self.names, writes, status) {
            Suspicion::One(conflict) => return conflict.into(),
            Suspicion::Nobody => return StoreError::Refused(answer.into()).into(),
            Suspicion::Several => {}
        }
        let conditional = conditional(writes);
        let keys: Vec<Key> = conditional.iter().map(|(_, it)| it.key.clone()).collect();
        match self.read(&keys, Some(no_fields())).await {
            Ok(current) => match first_violated(&conditional, &current) {
                Some(conflict) => conflict.into(),
                // It was violated and no longer is: another try may go through.
                None => CommitError::Contention(answer.into()),
            },
            // Nothing was written, which `Contention` says and `Unavailable` would leave open.
            Err(StoreError::Unavailable(error)) => CommitError::Contention(error),
            Err(StoreError::Refused(error)) => StoreError::Refused(error).into(),
        }
    }
}

async fn batch_get(
    channel: Channel,
    request: Request<proto::BatchGetDocumentsRequest>,
) -> Result<HashMap<String, Option<proto::Document>>, Status> {
    let mut client = FirestoreClient::new(ready(channel).await?);
    let answers = client.batch_get_documents(request).await?;
    let mut answers = answers.into_inner();
    let mut found = HashMap::new();
    while let Some(answer) = answers.message().await? {
        match answer.result {
            Some(Found::Found(document)) => {
                found.insert(document.name.clone(), Some(document));
            }
            Some(Found::Missing(name)) => {
                found.insert(name, None);
            }
            None => {}
        }
    }
    Ok(found)
}

async fn send_commit(
    channel: Channel,
    message: Request<Bytes>,
) -> Result<proto::CommitResponse, Status> {
    call(channel, "/google.firestore.v1.Firestore/Commit", message).await
}

async fn run_query(
    channel: Channel,
    request: Request<proto::RunQueryRequest>,
) -> Result<Vec<proto::Document>, Status> {
    let mut client = FirestoreClient::new(ready(channel).await?);
    let mut answers = client.run_query(request).await?.into_inner();
    let mut documents = Vec::new();
    while let Some(answer) = answers.message().await? {
        // An answer without a document reports progress.
        documents.extend(answer.document);
    }
    Ok(documents)
}

#[async_trait]
impl Documents for FirestoreDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.read(keys, None).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        query.index()?;
        let message = proto::RunQueryRequest {
            parent: self.names.root(),
            query_type: Some(QueryType::StructuredQuery(queries::to_message(
                &self.names,
                query,
            ))),
            ..Default::default()
        };
        // A message may name the document that a cursor stands for.
        let cursor = query.after.iter();
        let named = cursor.map(|cursor| Key::stored(query.collection, cursor.id.clone()));
        let named: Vec<Key> = named.collect();
        let answer = self.connection.call(true, message, run_query).await;
        let found = answer.map_err(|status| read_error(&status, &named))?;
        let found = found.into_iter();
        let documents = found.map(|document| self.document(query.collection, document));
        Ok(query.page(documents.collect::<Result<_, _>>()?))
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        check_writes(&writes)?;
        let message = commit_request(&self.names, &writes);
        let may_repeat = writes.iter().all(may_be_made_twice);
        let span = commit_span("gcp.firestore", writes.len());
        let answer = self.connection.call(may_repeat, message, send_commit);
        match answer.instrument(span).await {
            Ok(answer) => receipt(&writes, answer),
            Err(status) => Err(self.commit_error(&writes, status).await),
        }
    }
}

/// Whether a write that took effect can be made once more: it finds what it needs again, and leaves
/// the same behind. Others say of themselves in the second commit that they are too late.
fn may_be_made_twice(write: &Write) -> bool {
    match (&write.content, write.precondition) {
        (Content::Set(_) | Content::Merge(..), Precondition::None | Precondition::Exists) => {
            write.increments.is_empty()
        }
        (Content::Delete, Precondition::None | Precondition::Absent) => true,
        // It changes nothing.
        (Content::Merge(fields, removed), Precondition::UpdatedAt(_)) => {
            fields.is_empty() && removed.is_empty() && write.increments.is_empty()
        }
        (Content::Set(_), Precondition::Absent | Precondition::UpdatedAt(_))
        | (Content::Merge(..), Precondition::Absent)
        | (Content::Delete, Precondition::Exists | Precondition::UpdatedAt(_)) => false,
    }
}

fn receipt(writes: &[Write], answer: proto::CommitResponse) -> Result<CommitReceipt, CommitError> {
    let results = answer.write_results;
    if results.len() != writes.len() {
        return Err(StoreError::Unavailable(INCOMPLETE.into()).into());
    }
    let update_time = |(write, result): (&Write, proto::WriteResult)| match write.content {
        Content::Delete => Ok(None),
        Content::Set(_) | Content::Merge(..) => match result.update_time {
            Some(time) => Ok(Some(version_from_proto(time))),
            None => Err(StoreError::Unavailable(INCOMPLETE.into())),
        },
    };
    let update_times = writes.iter().zip(results).map(update_time);
    Ok(CommitReceipt {
        update_times: update_times.collect::<Result<_, _>>()?,
    })
}

impl From<ForeignFormat> for StoreError {
    fn from(error: ForeignFormat) -> Self {
        Self::Refused(error.into())
    }
}
