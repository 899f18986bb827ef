//! `user.deleted`: nothing is kept of the user's mails, and no further mail is sent.

use async_trait::async_trait;
use fanout_consume::{Failure, Plan, StoreEffect, View};
use fanout_contracts::user::UserDeleted;
use fanout_events::Envelope;
use fanout_store::Write;

use crate::recipient::Recipient;
use crate::sent_email::SentEmail;

/// Deletes the user's records, and remembers that the user is gone: a `user.created` that comes late
/// sends nothing, and a mail that is on its way leaves no record.
pub(crate) struct ForgetRecipient;

#[async_trait]
impl StoreEffect<UserDeleted> for ForgetRecipient {
    async fn plan(&self, event: &Envelope<UserDeleted>, view: &View<'_>) -> Result<Plan, Failure> {
        // Read first: a record that is committed after the query has changed the recipient.
        let recipient = Recipient::read(view, &event.subject).await?;
        let records = view.all(SentEmail::of_user(&event.subject)).await?;
        let mut writes = vec![recipient.has_left(event)];
        writes.extend(records.into_iter().map(|record| Write::delete(record.key)));
        Ok(Plan::Apply(writes.into()))
    }
}
