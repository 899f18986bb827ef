//! `user.created`, `user.updated`, `user.deleted`: the contact follows the user.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_events::{Envelope, EventType};
use fanout_store::Write;

use crate::contact::{Known, Tells, contact_key};

/// Keeps the contact of an event's subject at the user's last state, in whatever order events come:
/// an event is stale if a later one has been applied. A stale event may still be the first that
/// there is of a user, and corrects where the contact says that it began.
pub struct UpsertContact;

#[async_trait]
impl<T: EventType + Tells> StoreEffect<T> for UpsertContact {
    async fn plan(&self, event: &Envelope<T>, view: &View<'_>) -> Result<Plan, Failure> {
        let told = Known::from_event(event);
        let key = contact_key(&event.subject);
        // The first event of a subject usually meets no contact, so it is planned without a read.
        let expects_none = view.conflicts() == 0 && event.sequence == 1;
        let stored = if expects_none {
            None
        } else {
            view.get(&key).await?
        };
        let Some(stored) = stored else {
            let contact = Write::create(key, told.to_fields());
            return Ok(Plan::Apply(vec![contact].into()));
        };
        let before = Known::from_fields(&stored.fields)?;
        let after = before.clone().join(told);
        let writes = if after == before {
            Vec::new()
        } else {
            vec![Write::replace(key, after.to_fields(), stored.update_time)]
        };
        Ok(if after.last == before.last {
            Plan::Stale(writes.into())
        } else {
            Plan::Apply(writes.into())
        })
    }
}
