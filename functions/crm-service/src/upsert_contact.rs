//! `user.created`: the user becomes a contact.

use async_trait::async_trait;
use fanout_events::{Event, Payload};
use fanout_messaging::consume::{Failure, Plan, StoreEffect, View};
use fanout_store::Write;

use crate::contact::{Contact, contact_key};

/// Keeps the contact of an event's subject. What has been applied with an equal or later sequence
/// stays: an older event is stale.
pub struct UpsertContact;

#[async_trait]
impl StoreEffect for UpsertContact {
    async fn plan(&self, event: &Event, view: &View<'_>) -> Result<Plan, Failure> {
        let contact = match &event.data {
            Payload::UserCreated(user) => Contact::created_by(event, user),
            Payload::Unknown => return Ok(Plan::Apply(Vec::new())),
        };
        let key = contact_key(&event.subject);
        // A sign-up is the first of its subject, so the usual one meets no contact: no read.
        if view.conflicts() == 0 && event.sequence == 1 {
            return Ok(Plan::Apply(vec![Write::create(key, contact.to_fields())]));
        }
        Ok(match view.get(&key).await? {
            None => Plan::Apply(vec![Write::create(key, contact.to_fields())]),
            Some(stored) if stored.fields.count("version")? >= event.sequence => Plan::Stale,
            Some(stored) => {
                let replaced = Write::replace(key, contact.to_fields(), stored.update_time);
                Plan::Apply(vec![replaced])
            }
        })
    }
}
