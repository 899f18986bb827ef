//! The `Documents` port on Firestore.

use std::collections::HashMap;

use async_trait::async_trait;
use firestore::FirestoreDb;
use gcloud_sdk::google::firestore::v1 as proto;
use gcloud_sdk::google::firestore::v1::batch_get_documents_response::Result as Found;
use gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use gcloud_sdk::tonic::Status;

use super::conflict::{Suspicion, conditional, first_violated, suspicion};
use super::connect::{ConnectError, FirestoreOptions, connect};
use super::names::Names;
use super::status::{Failure, failure, read_error};
use super::time_limit::TimeLimit;
use super::values::{ForeignFormat, fields_from_proto, version_from_proto};
use super::{queries, writes};
use fanout_store::{
    Collection, CommitError, CommitReceipt, Content, Document, Documents, Key, Page, Query,
    StoreError, Write, check_writes,
};

/// Documents in a Firestore database. Makes every call once: whoever calls decides about retries.
pub struct FirestoreDocuments {
    db: FirestoreDb,
    names: Names,
    limit: TimeLimit,
}

/// An answer without error that does not cover what was asked.
#[derive(Debug, thiserror::Error)]
#[error("Firestore's answer is incomplete")]
struct Incomplete;

impl FirestoreDocuments {
    /// Connects to the service, or to an emulator if the options name one.
    pub async fn connect(options: FirestoreOptions) -> Result<Self, ConnectError> {
        Ok(Self {
            db: connect(&options).await?,
            names: Names::new(&options.project, &options.database),
            limit: TimeLimit::CALL,
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
            database: self.names.database(),
            documents: keys.iter().map(|key| self.names.document(key)).collect(),
            mask,
            ..Default::default()
        };
        let found = self
            .limit
            .on(self.batch_get(message))
            .await
            .map_err(read_error)?;
        keys.iter()
            .map(|key| match found.get(&self.names.document(key)) {
                Some(Some(document)) => Ok(Some(self.document(key.declared(), document.clone())?)),
                Some(None) => Ok(None),
                None => Err(StoreError::Unavailable(Incomplete.into())),
            })
            .collect()
    }

    async fn batch_get(
        &self,
        message: proto::BatchGetDocumentsRequest,
    ) -> Result<HashMap<String, Option<proto::Document>>, Status> {
        let mut client = self.db.client().get();
        let answers = client
            .batch_get_documents(self.limit.request(message))
            .await?;
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

    async fn run_query(
        &self,
        message: proto::RunQueryRequest,
    ) -> Result<Vec<proto::Document>, Status> {
        let mut client = self.db.client().get();
        let mut answers = client
            .run_query(self.limit.request(message))
            .await?
            .into_inner();
        let mut documents = Vec::new();
        while let Some(answer) = answers.message().await? {
            // An answer without a document reports progress.
            documents.extend(answer.document);
        }
        Ok(documents)
    }

    fn document(
        &self,
        collection: &'static Collection,
        document: proto::Document,
    ) -> Result<Document, ForeignFormat> {
        let key = self.names.key(collection, &document.name);
        let update_time = document.update_time.ok_or(ForeignFormat::NoUpdateTime)?;
        Ok(Document {
            key: key.ok_or(ForeignFormat::OtherCollection)?,
            fields: fields_from_proto(document.fields)?,
            update_time: version_from_proto(update_time),
        })
    }

    async fn commit_error(&self, writes: &[Write], status: Status) -> CommitError {
        match failure(&status) {
            Failure::Precondition => self.conflict(writes, status).await,
            // The emulator answers ABORTED, too, to all of several creations of one document at
            // the same moment, where the service lets one of them win.
            Failure::Contention => CommitError::Contention(status.into()),
            Failure::Unavailable => StoreError::Unavailable(status.into()).into(),
            Failure::Refused => StoreError::Refused(status.into()).into(),
        }
    }

    /// The first violated precondition; costs a read only if the answer leaves it open.
    async fn conflict(&self, writes: &[Write], status: Status) -> CommitError {
        match suspicion(&self.names, writes, &status) {
            Suspicion::One(conflict) => return conflict.into(),
            Suspicion::Nobody => return StoreError::Refused(status.into()).into(),
            Suspicion::Several => {}
        }
        let conditional = conditional(writes);
        let keys: Vec<Key> = conditional.iter().map(|(_, it)| it.key.clone()).collect();
        match self.read(&keys, Some(writes::no_fields())).await {
            Ok(current) => match first_violated(&conditional, &current) {
                Some(conflict) => conflict.into(),
                // It was violated and no longer is: another try may go through.
                None => CommitError::Contention(status.into()),
            },
            // Nothing was written, which `Contention` says and `Unavailable` would leave open.
            Err(StoreError::Unavailable(error)) => CommitError::Contention(error),
            Err(StoreError::Refused(error)) => StoreError::Refused(error).into(),
        }
    }
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
        let found = self
            .limit
            .on(self.run_query(message))
            .await
            .map_err(read_error)?;
        let documents = found
            .into_iter()
            .map(|document| self.document(query.collection, document))
            .collect::<Result<_, _>>()?;
        Ok(query.page(documents))
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        check_writes(&writes)?;
        let message = proto::CommitRequest {
            database: self.names.database(),
            writes: writes
                .iter()
                .map(|write| writes::to_message(&self.names, write))
                .collect(),
            ..Default::default()
        };
        let mut client = self.db.client().get();
        match self
            .limit
            .on(client.commit(self.limit.request(message)))
            .await
        {
            Ok(answer) => receipt(&writes, answer.into_inner()),
            Err(status) => Err(self.commit_error(&writes, status).await),
        }
    }
}

fn receipt(writes: &[Write], answer: proto::CommitResponse) -> Result<CommitReceipt, CommitError> {
    let results = answer.write_results;
    if results.len() != writes.len() {
        return Err(StoreError::Unavailable(Incomplete.into()).into());
    }
    let update_time = |(write, result): (&Write, proto::WriteResult)| match write.content {
        Content::Delete => Ok(None),
        Content::Set(_) | Content::Merge(..) => match result.update_time {
            Some(time) => Ok(Some(version_from_proto(time))),
            None => Err(StoreError::Unavailable(Incomplete.into())),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_server_that_hangs_is_not_available() {
        // Takes the connection and never says a word.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = silent.local_addr().unwrap().to_string();
        let options = FirestoreOptions::new("demo").on_emulator(host);
        let mut documents = FirestoreDocuments::connect(options).await.unwrap();
        documents.limit = TimeLimit(Duration::from_millis(50));

        const USERS: &Collection = &Collection::named("users");
        let key = Key::new(USERS, "a");
        let read = documents.get(&key).await.unwrap_err();
        assert!(matches!(read, StoreError::Unavailable(_)), "{read:?}");
        let query = documents.query(&Query::of(USERS)).await.unwrap_err();
        assert!(matches!(query, StoreError::Unavailable(_)), "{query:?}");
        let commit = documents.commit(vec![Write::delete(key)]).await;
        let commit = commit.unwrap_err();
        let unavailable = matches!(commit, CommitError::Store(StoreError::Unavailable(_)));
        assert!(unavailable, "{commit:?}");
    }
}
