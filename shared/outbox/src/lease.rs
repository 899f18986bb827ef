//! The right to publish the events of one line.

use std::time::Duration;

use fanout_runtime::{Timestamp, later};
use fanout_store::{
    Collection, CommitError, Document, Documents, Fields, Key, Precondition, StoreError,
    UpdateTime, Write,
};

use crate::row::EventRow;

/// The collection of leases. It must never get a TTL: a waiting row never lies without its lease.
pub const OUTBOX_LEASES: &Collection = &Collection::named("outbox_leases").no_automatic_indexes();

/// What is published one after the other: all events of a source's subject, or one event alone that
/// waits for no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) source: String,
    pub(super) of: LineOf,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum LineOf {
    /// The events of this subject that carry an ordering key.
    Subject(String),
    /// The event of this id, which carries none.
    Event(String),
}

impl Line {
    pub(super) fn of(row: &EventRow) -> Self {
        let of = if row.ordering_key.is_empty() {
            LineOf::Event(row.event_id.clone())
        } else {
            LineOf::Subject(row.subject.clone())
        };
        Self {
            source: row.source.clone(),
            of,
        }
    }

    pub(super) fn holds(&self, row: &EventRow) -> bool {
        Self::of(row) == *self
    }

    pub(super) fn name(&self) -> &str {
        match &self.of {
            LineOf::Subject(id) | LineOf::Event(id) => id,
        }
    }

    pub(super) fn key(&self) -> Key {
        let Self { source, .. } = self;
        Key::new(OUTBOX_LEASES, &format!("{source}:{}", self.name()))
    }
}

#[derive(Debug, Clone)]
pub(super) struct LineLease {
    pub(super) line: Line,
    /// No event of the line waits that has a lower sequence.
    from: u64,
    owner: String,
    expires_at: Timestamp,
}

/// A lease that is held, in the version in which its document was last seen.
#[derive(Debug)]
pub(super) struct HeldLease {
    pub(super) line: Line,
    /// No event of the line waits that has a lower sequence.
    pub(super) from: u64,
    pub(super) expires_at: Timestamp,
    owner: String,
    version: UpdateTime,
}

impl LineLease {
    pub(super) fn new(
        line: Line,
        from: u64,
        owner: String,
        now: Timestamp,
        length: Duration,
    ) -> Self {
        Self {
            line,
            from,
            owner,
            expires_at: later(now, length),
        }
    }

    /// Takes a lease that has no holder.
    pub(super) fn create(&self) -> Write {
        Write::create(self.line.key(), self.to_fields())
    }

    /// Tells the holder that one more row waits. An event id occurs once, so this always changes the
    /// document, and with it its version.
    pub(super) fn mark(&self, event_id: &str) -> Write {
        let waiting = Fields::new().with("waiting_event", event_id);
        Write::merge(self.line.key(), waiting).only_if(Precondition::Exists)
    }

    pub(super) fn held(&self, version: UpdateTime) -> HeldLease {
        HeldLease {
            line: self.line.clone(),
            from: self.from,
            expires_at: self.expires_at,
            owner: self.owner.clone(),
            version,
        }
    }

    /// Takes the lease if it has no holder or its time has run out; `None` if it is held.
    pub(super) async fn acquire(
        &self,
        documents: &dyn Documents,
        now: Timestamp,
    ) -> Result<Option<HeldLease>, StoreError> {
        let found = documents.get(&self.line.key()).await?;
        self.take(documents, found.as_ref(), now).await
    }

    /// Takes the lease if its holder left it behind; `None` if it is held, or has been given back.
    pub(super) async fn acquire_if_left(
        &self,
        documents: &dyn Documents,
        now: Timestamp,
    ) -> Result<Option<HeldLease>, StoreError> {
        match documents.get(&self.line.key()).await? {
            None => Ok(None),
            found => self.take(documents, found.as_ref(), now).await,
        }
    }

    async fn take(
        &self,
        documents: &dyn Documents,
        found: Option<&Document>,
        now: Timestamp,
    ) -> Result<Option<HeldLease>, StoreError> {
        let Some((lease, write)) = self.taking(found, now)? else {
            return Ok(None);
        };
        match documents.commit(vec![write]).await {
            Ok(receipt) => {
                let version = receipt.update_times.first().copied().flatten();
                Ok(version.map(|version| lease.held(version)))
            }
            // Another relay or request was faster, and holds it.
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => Ok(None),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// The lease, and what takes it from where it was found; `None` if it is held.
    pub(super) fn taking(
        &self,
        found: Option<&Document>,
        now: Timestamp,
    ) -> Result<Option<(Self, Write)>, StoreError> {
        let Some(found) = found else {
            return Ok(Some((self.clone(), self.create())));
        };
        let read = |error: fanout_store::MalformedDocument| StoreError::Refused(error.into());
        if found.fields.timestamp("expires_at").map_err(read)? > now {
            return Ok(None);
        }
        let left_at = found.fields.count("from_sequence").map_err(read)?;
        let lease = Self {
            from: self.from.min(left_at),
            ..self.clone()
        };
        let takeover = Write::replace(found.key.clone(), lease.to_fields(), found.update_time);
        Ok(Some((lease, takeover)))
    }

    fn to_fields(&self) -> Fields {
        Fields::new()
            .with("source", self.line.source.as_str())
            .with("line", self.line.name())
            .with("owner", self.owner.as_str())
            .with("expires_at", self.expires_at)
            .with("from_sequence", self.from)
    }
}

impl HeldLease {
    /// Gives the lease back, unless it has been marked or taken over since it was last seen.
    pub(super) fn release(&self) -> Write {
        Write::delete(self.line.key()).only_if(Precondition::UpdatedAt(self.version))
    }

    /// Lets the lease run out; the document stays, since waiting rows do.
    pub(super) fn give_up(&self, now: Timestamp) -> Write {
        let left = Fields::new()
            .with("expires_at", now)
            .with("from_sequence", self.from);
        Write::merge(self.line.key(), left).only_if(Precondition::UpdatedAt(self.version))
    }

    /// Looks at the lease again; false if another holder has it now, or it is gone.
    pub(super) async fn refresh(&mut self, documents: &dyn Documents) -> Result<bool, StoreError> {
        let Some(found) = documents.get(&self.line.key()).await? else {
            return Ok(false);
        };
        let owner = found.fields.text("owner");
        let ours = owner.is_ok_and(|owner| owner == self.owner);
        if ours {
            self.version = found.update_time;
        }
        Ok(ours)
    }
}
