//! The right to publish one subject's events.

use std::time::Duration;

use chrono::TimeDelta;
use fanout_runtime::Timestamp;
use fanout_store::{
    CommitError, Documents, Fields, Key, Precondition, StoreError, UpdateTime, Write,
};

/// The collection of leases.
pub const OUTBOX_LEASES: &str = "outbox_leases";

/// A lease that is to be taken.
#[derive(Clone)]
pub(super) struct SubjectLease {
    subject: String,
    owner: String,
    expires_at: Timestamp,
}

/// A lease that is held; `version` is its fencing token.
pub(super) struct HeldLease {
    pub(super) expires_at: Timestamp,
    key: Key,
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
        Write::create(self.key(), self.to_fields())
    }

    pub(super) fn held(&self, version: UpdateTime) -> HeldLease {
        HeldLease {
            expires_at: self.expires_at,
            key: self.key(),
            version,
        }
    }

    /// Takes the lease if nobody has it or its time has run out; `None` if somebody else has it.
    pub(super) async fn acquire(
        &self,
        documents: &dyn Documents,
        now: Timestamp,
    ) -> Result<Option<HeldLease>, StoreError> {
        if let Some(version) = commit_one(documents, self.create()).await? {
            return Ok(Some(self.held(version)));
        }
        let Some(found) = documents.get(&self.key()).await? else {
            return Ok(None); // Given back just now; the next relay takes it.
        };
        let expires_at = found.fields.timestamp("expires_at");
        if expires_at.map_err(|error| StoreError::Refused(error.into()))? > now {
            return Ok(None);
        }
        let takeover = Write::replace(self.key(), self.to_fields(), found.update_time);
        let version = commit_one(documents, takeover).await?;
        Ok(version.map(|version| self.held(version)))
    }

    fn key(&self) -> Key {
        Key::new(OUTBOX_LEASES, &self.subject)
    }

    fn to_fields(&self) -> Fields {
        Fields::new()
            .with("subject", self.subject.as_str())
            .with("owner", self.owner.as_str())
            .with("expires_at", self.expires_at)
    }
}

impl HeldLease {
    /// Gives the lease back, unless somebody has taken it over.
    pub(super) fn release(&self) -> Write {
        Write::delete(self.key.clone()).only_if(Precondition::UpdatedAt(self.version))
    }
}

/// The version that a write left behind; `None` if its precondition did not hold.
async fn commit_one(
    documents: &dyn Documents,
    write: Write,
) -> Result<Option<UpdateTime>, StoreError> {
    match documents.commit(vec![write]).await {
        Ok(receipt) => Ok(receipt.update_times.first().copied().flatten()),
        // Whoever else is at it will have the lease.
        Err(CommitError::Conflict(_) | CommitError::Contention(_)) => Ok(None),
        Err(CommitError::Store(error)) => Err(error),
    }
}
