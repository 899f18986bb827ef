//! `user.created`, `user.updated`, `user.deleted`: the contact follows the user.

use async_trait::async_trait;
use fanout_events::{EmailAddress, Event, Payload, PersonName};
use fanout_messaging::consume::{Failure, Plan, StoreEffect, View};
use fanout_store::{Document, Fields, Write};

use crate::contact::{Contact, StoredContact, contact_key, tombstone};

/// Keeps the contact of an event's subject at the user's last state, in whatever order events come:
/// an event is stale if one with an equal or later sequence has been applied.
pub struct UpsertContact;

#[async_trait]
impl StoreEffect for UpsertContact {
    async fn plan(&self, event: &Event, view: &View<'_>) -> Result<Plan, Failure> {
        let key = contact_key(&event.subject);
        // The first event of a subject usually meets no contact, so it is planned without a read.
        let expects_none = view.conflicts() == 0 && event.sequence == 1;
        let stored = match expects_none {
            true => None,
            false => view.get(&key).await?,
        };
        let before = stored.as_ref().map(contact_in).transpose()?;
        if before
            .as_ref()
            .is_some_and(|it| it.version() >= event.sequence)
        {
            return Ok(Plan::Stale);
        }
        let Some(after) = contact_after(event, before.as_ref()) else {
            return Ok(Plan::Apply(Vec::new()));
        };
        Ok(Plan::Apply(vec![match stored {
            None => Write::create(key, after),
            Some(stored) => Write::replace(key, after, stored.update_time),
        }]))
    }
}

fn contact_in(document: &Document) -> Result<StoredContact, Failure> {
    Ok(StoredContact::from_fields(&document.fields)?)
}

/// What is stored after the event; `None` if it says nothing of contacts.
fn contact_after(event: &Event, before: Option<&StoredContact>) -> Option<Fields> {
    match &event.data {
        Payload::UserCreated(user) => Some(present(event, before, &user.email, &user.name)),
        Payload::UserUpdated(user) => Some(present(event, before, &user.email, &user.name)),
        Payload::UserDeleted(_) => Some(tombstone(event)),
        Payload::Unknown => None,
    }
}

fn present(
    event: &Event,
    before: Option<&StoredContact>,
    email: &EmailAddress,
    name: &PersonName,
) -> Fields {
    let known_since = match before {
        Some(StoredContact::Present(contact)) => contact.created_at,
        Some(StoredContact::Tombstone { .. }) | None => event.timestamp,
    };
    Contact {
        user_id: event.subject.clone(),
        email: email.clone(),
        name: name.clone(),
        source: event.source.clone(),
        version: event.sequence,
        created_at: known_since,
        updated_at: event.timestamp,
    }
    .to_fields()
}
