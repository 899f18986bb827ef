//! Where mails arrive. Its calls can go wrong like those of every other port.

use std::sync::Arc;

use async_trait::async_trait;
use email_service::{Mail, MailError, Mailer};
use fanout_runtime::Timings;
use fanout_testkit::faults::{FaultyPort, PortCall};

use super::clock::MAX_SKEW;
use super::facts::{DeliveryState, Facts, SentMail};
use super::sim::{DELIVERY, Sim};

pub(crate) struct RecordingMailer {
    pub(crate) sim: Arc<Sim>,
    pub(crate) port: FaultyPort,
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.check_alone(&mail.id);
        let call = PortCall {
            operation: "mailer.send",
            detail: mail.id.clone(),
            changes: true,
        };
        let (sim, event_id) = (Arc::clone(&self.sim), mail.id.clone());
        let effect = async move {
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
            MailError::NotSent(_) => "not sent",
            MailError::Unknown(_) => "unknown",
            MailError::Refused(_) => "refused",
        };
        self.port.call(call, effect, lost, kind).await
    }
}

impl RecordingMailer {
    /// No two handlers may be at work on one mail at the same time, repeated or not: an earlier one
    /// must have come to its end, or have outlived its lease.
    fn check_alone(&self, event_id: &str) {
        let Ok(this) = DELIVERY.try_with(|delivery| *delivery) else {
            return;
        };
        let now = self.sim.now();
        let mut facts = self.sim.facts();
        let kept_away = Timings::PRODUCTION.lease - 2 * MAX_SKEW;
        let at_work = |facts: &Facts, other: u64| {
            let delivery = &facts.deliveries[&other];
            delivery.state == DeliveryState::Running && now < delivery.started + kept_away
        };
        let earlier: Vec<u64> = facts
            .mailing
            .iter()
            .filter(|(other, event)| event == event_id && *other != this)
            .map(|(other, _)| *other)
            .collect();
        let other = earlier.into_iter().find(|other| at_work(&facts, *other));
        facts.mailing.push((this, event_id.to_owned()));
        drop(facts);
        if let Some(other) = other {
            self.sim.violation(format!(
                "deliveries {other} and {this} are at work on the mail for {event_id} at the same time"
            ));
        }
    }
}
