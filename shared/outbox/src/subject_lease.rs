//! The right to publish one subject's events.

use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::Timestamp;
use fanout_store::{
    Collection, CommitError, Documents, Fields, Key, Precondition, StoreError, UpdateTime, Write,
};

/// The collection of leases.
pub const OUTBOX_LEASES: &Collection = &Collection::named("outbox_leases");

/// A lease that is to be taken.
#[derive(Clone)]
pub(super) struct SubjectLease {
    subject: String,
    owner: String,
    expires_at: Timestamp,
}

/// A lease that is held, in the version in which its document was last seen.
pub(super) struct HeldLease {
    pub(super) expires_at: Timestamp,
    subject: String,
    owner: String,
    version: UpdateTime,
}

impl SubjectLease {
    pub(super) fn new(subject: &str, owner: String, now: Timestamp, length: Duration) -> Self {
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        Self {
            subject: subject.to_owned(),
            owner,
            expires_at: now.checked_add_signed(length).unwrap_or(Timestamp::MAX_UTC),
        }
    }

    /// Takes a lease that nobody has.
    pub(super) fn create(&self) -> Write {
        Write::create(key(&self.subject), self.to_fields())
    }

    /// Tells whoever has the lease that one more row waits. A sequence occurs once, so this always
    /// changes the document, and with it its version.
    pub(super) fn mark(&self, sequence: u64) -> Write {
        let waiting = Fields::new().with("waiting_sequence", sequence);
        Write::merge(key(&self.subject), waiting).only_if(Precondition::Exists)
    }

    pub(super) fn held(&self, version: UpdateTime) -> HeldLease {
        HeldLease {
            expires_at: self.expires_at,
            subject: self.subject.clone(),
            owner: self.owner.clone(),
            version,
        }
    }

    /// Takes the lease if nobody has it or its time has run out; `None` if somebody else has it.
    pub(super) async fn acquire(
        &self,
        documents: &dyn Documents,
        now: Timestamp,
    ) -> Result<Option<HeldLease>, StoreError> {
        let takeover = match documents.get(&key(&self.subject)).await? {
            None => self.create(),
            Some(found) => {
                let expires_at = found.fields.timestamp("expires_at");
                if expires_at.map_err(|error| StoreError::Refused(error.into()))? > now {
                    return Ok(None);
                }
                Write::replace(found.key, self.to_fields(), found.update_time)
            }
        };
        match documents.commit(vec![takeover]).await {
            Ok(receipt) => {
                let version = receipt.update_times.first().copied().flatten();
                Ok(version.map(|version| self.held(version)))
            }
            // Whoever else is at it has the lease.
            Err(CommitError::Conflict(_) | CommitError::Contention(_)) => Ok(None),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    fn to_fields(&self) -> Fields {
        Fields::new()
            .with("subject", self.subject.as_str())
            .with("owner", self.owner.as_str())
            .with("expires_at", self.expires_at)
    }
}

impl HeldLease {
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Gives the lease back, unless it has been marked or taken over since it was last seen.
    pub(super) fn release(&self) -> Write {
        Write::delete(key(&self.subject)).only_if(Precondition::UpdatedAt(self.version))
    }

    /// Lets the lease run out; the document stays, since rows do.
    pub(super) fn give_up(&self, now: Timestamp) -> Write {
        Write::merge(key(&self.subject), Fields::new().with("expires_at", now))
            .only_if(Precondition::UpdatedAt(self.version))
    }

    /// Looks at the lease again; false if it is somebody else's now, or gone.
    pub(super) async fn refresh(&mut self, documents: &dyn Documents) -> Result<bool, StoreError> {
        let Some(found) = documents.get(&key(&self.subject)).await? else {
            return Ok(false);
        };
        let ours = found
            .fields
            .text("owner")
            .is_ok_and(|owner| owner == self.owner);
        if ours {
            self.version = found.update_time;
        }
        Ok(ours)
    }
}

fn key(subject: &str) -> Key {
    Key::new(OUTBOX_LEASES, subject)
}
