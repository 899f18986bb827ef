//! Emitted events under ids that are made anew at each commit. The process itself goes on under the
//! ids that it made, so what it says to its ports is renamed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fanout_bus::{MessageId, OutgoingMessage, PublishError, Publisher};
use fanout_outbox::{EVENTS, OUTBOX_LEASES};
use fanout_runtime::IdGenerator;
use fanout_store::{
    CommitError, CommitReceipt, Content, Document, Documents, Fields, Key, Page, Precondition,
    Query, StoreError, Value, Write,
};

pub(super) struct MadeAnew {
    documents: Arc<dyn Documents>,
    publisher: Arc<dyn Publisher>,
    ids: Arc<dyn IdGenerator>,
    /// The newest id of each event, by the id that follows from its cause.
    newest: Mutex<BTreeMap<String, String>>,
}

impl MadeAnew {
    pub(super) fn new(
        documents: Arc<dyn Documents>,
        publisher: Arc<dyn Publisher>,
        ids: Arc<dyn IdGenerator>,
    ) -> Self {
        let newest = Mutex::default();
        Self {
            documents,
            publisher,
            ids,
            newest,
        }
    }

    fn begins_anew(&self, writes: &[Write]) {
        for write in writes {
            let emitted = match &write.content {
                Content::Set(fields) => fields.get("causation_id").is_some(),
                Content::Merge(..) | Content::Delete => false,
            };
            if write.key.is_in(EVENTS) && write.precondition == Precondition::Absent && emitted {
                let (old, new) = (write.key.id().to_owned(), self.ids.new_id("evt"));
                self.newest.lock().unwrap().insert(old, new);
            }
        }
    }

    fn text(&self, text: &str) -> String {
        let newest = self.newest.lock().unwrap();
        let renamed = newest.iter().filter(|(old, _)| text.contains(*old));
        renamed.fold(text.to_owned(), |text, (old, new)| text.replace(old, new))
    }

    fn key(&self, key: &Key) -> Key {
        if key.is_in(EVENTS) || key.is_in(OUTBOX_LEASES) {
            Key::stored(key.declared(), self.text(key.id()))
        } else {
            key.clone()
        }
    }

    fn fields(&self, fields: Fields) -> Fields {
        let fields = fields.into_iter();
        fields
            .map(|(name, value)| (name, self.value(value)))
            .collect()
    }

    fn value(&self, value: Value) -> Value {
        match value {
            Value::Text(text) => Value::Text(self.text(&text)),
            Value::Map(fields) => Value::Map(self.fields(fields)),
            other => other,
        }
    }

    fn write(&self, mut write: Write) -> Write {
        if write.key.is_in(EVENTS) || write.key.is_in(OUTBOX_LEASES) {
            write.key = self.key(&write.key);
            write.content = match write.content {
                Content::Set(fields) => Content::Set(self.fields(fields)),
                Content::Merge(fields, removed) => Content::Merge(self.fields(fields), removed),
                Content::Delete => Content::Delete,
            };
        }
        write
    }
}

#[async_trait]
impl Documents for MadeAnew {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let keys: Vec<Key> = keys.iter().map(|key| self.key(key)).collect();
        self.documents.get_many(&keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.documents.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.begins_anew(&writes);
        let writes = writes.into_iter().map(|write| self.write(write));
        self.documents.commit(writes.collect()).await
    }
}

#[async_trait]
impl Publisher for MadeAnew {
    async fn publish(
        &self,
        topic: &str,
        message: OutgoingMessage,
    ) -> Result<MessageId, PublishError> {
        let data = String::from_utf8(message.data.to_vec()).unwrap();
        let attributes = message.attributes.into_iter();
        let renamed = OutgoingMessage {
            data: self.text(&data).into(),
            attributes: attributes
                .map(|(name, value)| (name, self.text(&value)))
                .collect(),
            ordering_key: message.ordering_key,
        };
        self.publisher.publish(topic, renamed).await
    }
}
