//! `user.created`, `user.updated`, `user.deleted`: the contact follows the user.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_events::Event;
use fanout_store::Write;

use crate::contact::{Known, contact_key};

/// Keeps the contact of an event's subject at the user's last state, in whatever order events come:
/// an event is stale if a later one has been applied. A stale event may still be the first that
/// there is of a user, and corrects where the contact says that it began.
pub struct UpsertContact;

#[async_trait]
impl StoreEffect for UpsertContact {
    async fn plan(&self, event: &Event, view: &View<'_>) -> Result<Plan, Failure> {
        let Some(told) = Known::from_event(event) else {
            return Ok(Plan::Apply(Vec::new()));
        };
        let key = contact_key(&event.subject);
        // The first event of a subject usually meets no contact, so it is planned without a read.
        let expects_none = view.conflicts() == 0 && event.sequence == 1;
        let stored = match expects_none {
            true => None,
            false => view.get(&key).await?,
        };
        let Some(stored) = stored else {
            return Ok(Plan::Apply(vec![Write::create(key, told.to_fields())]));
        };
        let before = Known::from_fields(&stored.fields)?;
        let after = before.clone().join(told);
        let writes = match after == before {
            true => Vec::new(),
            false => vec![Write::replace(key, after.to_fields(), stored.update_time)],
        };
        Ok(match after.last == before.last {
            true => Plan::Stale(writes),
            false => Plan::Apply(writes),
        })
    }
}
