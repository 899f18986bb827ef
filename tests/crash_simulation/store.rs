//! The store below all faults: the real SQLite adapter, with every commit that took effect noted.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_dedup::{Mark, MarkState, PROCESSED_EVENTS};
use fanout_outbox::EVENTS;
use fanout_store::{
    CommitError, CommitReceipt, Content, Document, Documents, Fields, Key, Page, Precondition,
    Query, StoreError, Write,
};
use fanout_store_sqlite::{Database, SqliteDocuments};
use user_service::USERS;

use super::clock::SimClock;
use super::facts::{ContactState, StoredEvent, UserState};
use super::sim::Sim;

/// The store, watched.
pub(crate) struct WatchedDocuments {
    sim: Arc<Sim>,
    inner: SqliteDocuments,
}

impl WatchedDocuments {
    pub(crate) async fn new(sim: Arc<Sim>) -> Self {
        let clock = Arc::new(SimClock::new(sim.epoch, chrono::TimeDelta::zero()));
        let database = Database::in_memory().unwrap();
        let inner = SqliteDocuments::open(database, clock).await.unwrap();
        Self { sim, inner }
    }

    fn note(&self, write: &Write) {
        let Content::Set(fields) = &write.content else {
            return;
        };
        let mut facts = self.sim.facts();
        match write.key.collection() {
            name if name == USERS.name => {
                let versions = facts.users.entry(write.key.id().to_owned()).or_default();
                versions.insert(fields.count("version").unwrap(), user_state(fields));
            }
            name if name == EVENTS.name && write.precondition == Precondition::Absent => {
                let id = write.key.id().to_owned();
                facts.events.insert(id, stored_event(fields));
            }
            name if name == crm_service::CONTACTS.name => {
                let contact = ContactState {
                    user_id: write.key.id().to_owned(),
                    first_sequence: fields.count("first_sequence").unwrap(),
                    version: fields.count("version").unwrap(),
                };
                *facts.contact_writes.entry(contact).or_default() += 1;
            }
            name if name == PROCESSED_EVENTS.name => {
                let mark = Mark::from_fields(fields).unwrap();
                let ended = mark.state != MarkState::Processing;
                if ended && mark.consumer == email_service::NAME {
                    let now = self.sim.now();
                    facts.mail_claims_ended.insert(mark.event_id, now);
                }
            }
            _ => {}
        }
    }
}

fn user_state(fields: &Fields) -> UserState {
    if fields.get("deleted_at").is_some() {
        return UserState::Deleted;
    }
    UserState::Present {
        email: fields.text("email").unwrap().to_owned(),
        name: fields.text("name").unwrap().to_owned(),
    }
}

fn stored_event(fields: &Fields) -> StoredEvent {
    let data = fields.text("data").unwrap().to_owned();
    let event: serde_json::Value = serde_json::from_str(&data).unwrap();
    StoredEvent {
        event_type: event["type"].as_str().unwrap().to_owned(),
        subject: fields.text("subject").unwrap().to_owned(),
        sequence: fields.count("sequence").unwrap(),
        data,
    }
}

#[async_trait]
impl Documents for WatchedDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let receipt = self.inner.commit(writes.clone()).await?;
        writes.iter().for_each(|write| self.note(write));
        Ok(receipt)
    }
}
