//! Where mails arrive. Its calls can go wrong like those of every other port.

use std::sync::Arc;

use async_trait::async_trait;
use fanout_mail::{Mail, MailError, Mailer};
use fanout_runtime::Timings;
use fanout_testkit::faults::{FaultyPort, PortCall};
use tokio::time::Instant;

use super::clock::MAX_SKEW;
use super::facts::{DeliveryState, Mailing, SentMail};
use super::sim::{DELIVERY, Sim};

/// The first person whose mailbox refuses mail until [`super::script::Step::OpenMailboxes`].
pub(crate) const FIRST_REFUSED: u64 = 100;

pub(crate) struct RecordingMailer {
    pub(crate) sim: Arc<Sim>,
    pub(crate) port: FaultyPort,
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, mail: &Mail, _until: Instant) -> Result<(), MailError> {
        self.check_alone(&mail.id);
        let call = PortCall {
            operation: "mailer.send",
            detail: mail.id.clone(),
            changes: true,
        };
        let (sim, event_id) = (Arc::clone(&self.sim), mail.id.clone());
        let refuses = refuses_at_first(&mail.to);
        let effect = async move {
            if refuses && !sim.facts().mailboxes_open {
                return Err(MailError::Refused("no such mailbox".to_owned()));
            }
            sim.note(format_args!("a mail for {event_id} leaves"));
            let mut facts = sim.facts();
            let round = facts.rounds;
            facts.mails.push(SentMail { event_id, round });
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

/// The address of a person. Mailboxes of people from number 100 on refuse mail at first.
pub(crate) fn address(person: u64) -> String {
    match person < FIRST_REFUSED {
        true => format!("person-{person}@example.com"),
        false => format!("refused-{person}@example.com"),
    }
}

fn refuses_at_first(address: &str) -> bool {
    address.starts_with("refused-")
}

impl RecordingMailer {
    /// No two handlers may be at work on one mail at the same time, repeated or not. An earlier one
    /// must have come to its end, have ended its claim, or have outlived its lease.
    fn check_alone(&self, event_id: &str) {
        let Ok(this) = DELIVERY.try_with(|delivery| *delivery) else {
            return;
        };
        let now = self.sim.now();
        let mut facts = self.sim.facts();
        let kept_away = Timings::PRODUCTION.lease - 2 * MAX_SKEW;
        let at_work = |other: &&Mailing| {
            let delivery = &facts.deliveries[&other.delivery];
            let claim_ended = facts.mail_claims_ended.get(event_id);
            other.event_id == event_id
                && other.delivery != this
                && delivery.state == DeliveryState::Running
                && now < delivery.started + kept_away
                && claim_ended.is_none_or(|ended| *ended < other.began)
        };
        let other = facts.mailing.iter().find(at_work);
        let other = other.map(|other| other.delivery);
        facts.mailing.push(Mailing {
            delivery: this,
            event_id: event_id.to_owned(),
            began: now,
        });
        drop(facts);
        if let Some(other) = other {
            self.sim.violation(format!(
                "deliveries {other} and {this} are at work on the mail for {event_id} at the same time"
            ));
        }
    }
}
