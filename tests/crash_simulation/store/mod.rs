//! The store below all faults: the real SQLite adapter, with every commit that took effect noted.

mod engine;
pub(crate) mod of_process;

use std::sync::Arc;

use async_trait::async_trait;
use fanout_bus::OutgoingMessage;
use fanout_dedup::{Mark, MarkState, PROCESSED_EVENTS};
use fanout_outbox::EVENTS;
use fanout_runtime::Clock;
use fanout_store::{
    CommitError, CommitReceipt, Content, Document, Documents, Fields, Key, Page, Precondition,
    Query, StoreError, Value, Write, all_documents,
};
use fanout_testkit::faults::is_undone;
use user_service::USERS;

use super::clock::SimClock;
use super::facts::{ContactState, Facts, StoredEvent, UserState};
use super::sim::Sim;
use engine::Engine;

/// The store, watched.
pub(crate) struct WatchedDocuments {
    sim: Arc<Sim>,
    engine: Engine,
}

impl WatchedDocuments {
    /// In memory, or in a file that is opened anew by [`WatchedDocuments::restart`].
    pub(crate) async fn new(sim: Arc<Sim>, in_a_file: bool) -> Self {
        let clock = SimClock::new(sim.epoch, chrono::TimeDelta::zero());
        let engine = Engine::new(clock, in_a_file).await;
        Self { sim, engine }
    }

    pub(crate) fn is_in_a_file(&self) -> bool {
        self.engine.is_in_a_file()
    }

    /// The process that had the file is dead, and another opens it.
    pub(crate) async fn restart(&self) {
        self.engine.restart().await;
    }

    /// Deletes what of the outbox has expired, as the store's TTL does.
    pub(crate) async fn sweep(&self) {
        let now = SimClock::new(self.sim.epoch, chrono::TimeDelta::zero()).now();
        let expired = |row: &Document| {
            let at = row.fields.optional_timestamp("expires_at").unwrap();
            at.is_some_and(|at| at <= now)
        };
        let rows = all_documents(self, Query::of(EVENTS)).await.unwrap();
        for row in rows.into_iter().filter(expired) {
            if self.sim.facts().outbox.waits(row.key.id()) {
                let what = format!("row {} has expired while it waited", row.key.id());
                self.sim.violation(what);
            }
            self.commit(vec![Write::delete(row.key)]).await.unwrap();
        }
    }

    /// Stores what was there, and has left, before the world began.
    pub(crate) async fn put_past(&self, past: Vec<Write>) {
        let broken = self.sim.facts().bank.note(&past);
        assert_eq!(broken, Vec::<String>::new());
        let documents = self.engine.documents();
        let stored = self.engine.wait_for(documents.commit(past)).await;
        stored.unwrap();
    }

    fn note(&self, writes: &[Write]) {
        let mut facts = self.sim.facts();
        let facts_now = &mut *facts;
        for write in writes {
            if let Content::Set(fields) = &write.content {
                self.note_document(facts_now, write, fields);
            }
        }
        let mut broken = facts_now.outbox.note(writes, self.sim.now());
        broken.extend(facts_now.bank.note(writes));
        broken.extend(facts_now.feeds.note(writes, self.sim.now()));
        broken.extend(facts_now.shop.note(writes, &facts_now.events));
        drop(facts);
        broken.into_iter().for_each(|what| self.sim.violation(what));
    }

    fn note_document(&self, facts: &mut Facts, write: &Write, fields: &Fields) {
        let id = write.key.id().to_owned();
        match write.key.collection() {
            name if name == USERS.name => {
                let versions = facts.users.entry(id).or_default();
                versions.insert(fields.count("version").unwrap(), user_state(fields));
            }
            name if name == EVENTS.name
                && (write.precondition == Precondition::Absent
                    || fields.get("stream").is_some()) =>
            {
                facts.events.insert(id, stored_event(fields));
            }
            name if name == crm_service::CONTACTS.name => {
                let text = |field| fields.text(field).unwrap().to_owned();
                let contact = ContactState {
                    user_id: id,
                    first_event_id: text("first_event_id"),
                    last_event_id: text("last_event_id"),
                };
                *facts.contact_writes.entry(contact).or_default() += 1;
            }
            name if name == PROCESSED_EVENTS.name => {
                let mark = Mark::from_fields(fields).unwrap();
                if mark.state != MarkState::Processing {
                    let claim = (mark.consumer, mark.event_id);
                    facts.claims_ended.insert(claim, self.sim.now());
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
    let text = |name| fields.text(name).unwrap().to_owned();
    let link = |name| fields.optional_text(name).unwrap().map(str::to_owned);
    let Some(Value::Map(attributes)) = fields.get("attributes") else {
        panic!("a row without attributes");
    };
    let attributes = attributes.iter();
    let attribute = |(name, value): (&str, &Value)| (name.to_owned(), match_text(value).to_owned());
    StoredEvent {
        source: text("source"),
        topic: text("topic"),
        event_type: text("type"),
        subject: text("subject"),
        sequence: fields.count("sequence").unwrap(),
        correlation_id: link("correlation_id"),
        causation_id: link("causation_id"),
        message: OutgoingMessage {
            data: text("data").into(),
            attributes: attributes.map(attribute).collect(),
            ordering_key: text("ordering_key"),
        },
    }
}

fn match_text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("an attribute is {other:?}"),
    }
}

#[async_trait]
impl Documents for WatchedDocuments {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let documents = self.engine.documents();
        self.engine.wait_for(documents.get_many(keys)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let documents = self.engine.documents();
        self.engine.wait_for(documents.query(query)).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        let documents = self.engine.documents();
        let committing = documents.commit(writes.clone());
        let receipt = if is_undone() {
            let answer = self.engine.undone(committing).await;
            if answer.is_ok() {
                let what = "a commit that was undone is answered as if it had been made";
                self.sim.violation(what.to_owned());
            }
            answer
        } else {
            self.engine.wait_for(committing).await
        }?;
        self.note(&writes);
        Ok(receipt)
    }
}
