//! What happens outside the store: mails leave, cards are printed.

use fanout_runtime::Timings;

use super::clock::MAX_SKEW;
use super::facts::{Act, Acting, DeliveryState};
use super::services::Service;
use super::sim::{DELIVERY, Sim};

/// It has happened.
pub(crate) fn acts_now(sim: &Sim, consumer: Service, event_id: String) {
    let name = consumer.name();
    sim.note(format_args!("{name} acts on {event_id}"));
    let mut facts = sim.facts();
    let round = facts.rounds;
    facts.acts.push(Act {
        consumer,
        event_id,
        round,
    });
}

/// A handler begins to act. No two may be at work on one event at the same time, repeated or not. An
/// earlier one must have come to its end, have ended its claim, or have outlived its lease.
pub(crate) fn begins_to_act(sim: &Sim, consumer: Service, event_id: &str) {
    let Ok(this) = DELIVERY.try_with(|delivery| *delivery) else {
        return;
    };
    let now = sim.now();
    let mut facts = sim.facts();
    let kept_away = Timings::PRODUCTION.lease - 2 * MAX_SKEW;
    let at_work = |other: &&Acting| {
        let delivery = &facts.deliveries[&other.delivery];
        let claim = (consumer.name().to_owned(), event_id.to_owned());
        let claim_ended = facts.claims_ended.get(&claim);
        other.consumer == consumer
            && other.event_id == event_id
            && other.delivery != this
            && delivery.state == DeliveryState::Running
            && now < delivery.started + kept_away
            && claim_ended.is_none_or(|ended| *ended < other.began)
    };
    let other = facts.acting.iter().find(at_work);
    let other = other.map(|other| other.delivery);
    facts.acting.push(Acting {
        consumer,
        delivery: this,
        event_id: event_id.to_owned(),
        began: now,
    });
    drop(facts);
    if let Some(other) = other {
        let name = consumer.name();
        sim.violation(format!(
            "deliveries {other} and {this} of {name} are at work on {event_id} at the same time"
        ));
    }
}
