//! `user.updated`: later mails go to the address that the user has now.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::user::UserUpdated;
use fanout_events::Envelope;

use crate::recipient::{Known, Recipient};

/// Remembers address and name, unless a later event has told them or the user is gone.
pub(crate) struct LearnAddress;

#[async_trait]
impl StoreEffect<UserUpdated> for LearnAddress {
    async fn plan(&self, event: &Envelope<UserUpdated>, view: &View<'_>) -> Result<Plan, Failure> {
        let recipient = Recipient::read(view, &event.subject).await?;
        let told = Known {
            email: event.data.email.clone(),
            name: event.data.name.clone(),
            sequence: event.sequence,
        };
        let known = recipient.known();
        if recipient.is_gone() || known.is_some_and(|it| it.sequence >= told.sequence) {
            return Ok(Plan::Stale(Default::default()));
        }
        let write = recipient.told(&event.subject, &event.id, &told);
        Ok(Plan::Apply(vec![write].into()))
    }
}
