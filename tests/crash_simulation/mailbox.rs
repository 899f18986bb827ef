//! Where mails arrive. Its calls can go wrong like those of every other port.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_mail::{Mail, MailError, Mailer};
use fanout_testkit::faults::{FaultyPort, PortCall};
use tokio::time::Instant;

use super::acts::{acts_now, begins_to_act};
use super::services::Service;
use super::sim::Sim;

/// The first person whose mailbox refuses mail until [`super::script::Step::OpenMailboxes`].
pub(crate) const FIRST_REFUSED: u64 = 100;
/// The first person whose mailbox takes one mail, and is full until then.
pub(crate) const FIRST_FULL: u64 = 200;

pub(crate) struct RecordingMailer {
    pub(crate) sim: Arc<Sim>,
    pub(crate) port: FaultyPort,
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, mail: &Mail, _until: Instant) -> Result<(), MailError> {
        begins_to_act(&self.sim, Service::Email, &mail.id);
        let call = PortCall {
            operation: "mailer.send",
            detail: mail.id.clone(),
            changes: true,
        };
        let (sim, event_id) = (Arc::clone(&self.sim), mail.id.clone());
        let to = mail.to.clone();
        let effect = async move {
            if !takes_mail(&sim, &to) {
                return Err(MailError::Refused("no such mailbox".to_owned()));
            }
            acts_now(&sim, Service::Email, event_id);
            Ok(())
        };
        let lost = |took_effect| match took_effect {
            true => MailError::Unknown("injected".into()),
            false => MailError::NotSent("injected".into()),
        };
        let kind = |error: &MailError| match error {
            MailError::Deferred(_) => "deferred",
            MailError::NotSent(_) => "not sent",
            MailError::Misconfigured(_) => "misconfigured",
            MailError::Unknown(_) => "unknown",
            MailError::Refused(_) => "refused",
            MailError::Unsupported(_) => "unsupported",
        };
        self.port.call(call, effect, lost, kind).await
    }
}

/// The address of a person, which says what the mailbox does at first.
pub(crate) fn address(person: u64) -> String {
    let kind = match person {
        ..FIRST_REFUSED => "person",
        FIRST_REFUSED..FIRST_FULL => "refused",
        FIRST_FULL.. => "full",
    };
    format!("{kind}-{person}@example.com")
}

fn takes_mail(sim: &Sim, address: &str) -> bool {
    let mut facts = sim.facts();
    if facts.mailboxes_open || address.starts_with("person-") || address.starts_with("moved-") {
        return true;
    }
    address.starts_with("full-") && facts.full_mailboxes.insert(address.to_owned())
}
