//! What must be true of events that reactions emit: each of them once for its cause, and never again,
//! also where the cause is delivered once more when nothing remembers it.

use std::collections::{BTreeMap, BTreeSet};

use fanout_contracts::user::{TOPIC as USER_EVENTS, UserCreated};
use fanout_events::EventType as _;
use fanout_outbox::caused_event_id;

use super::club::{CLUB_EVENTS, CardPrinted, CardRequested, MembershipNoted, membership_of};
use super::facts::{Facts, StoredEvent};
use super::invariants::End;
use super::services::Service;

/// An event that must have been emitted.
struct Expected<'a> {
    source: &'static str,
    event_type: &'static str,
    subject: String,
    cause: &'a str,
    correlation_id: String,
    ordered: bool,
}

/// The club emits what each event of a user demands, numbers it without gaps, and nothing else.
pub(super) fn of_the_club(end: &mut End<'_>) {
    let facts = end.facts;
    let stored = facts.events.iter();
    let stored = stored.filter(|(_, event)| event.topic == USER_EVENTS);
    let stored = stored.map(|(id, event)| {
        let is_new = event.event_type == UserCreated::TYPE;
        (
            id.as_str(),
            &event.subject,
            is_new,
            correlation_of(id, event),
        )
    });
    let typed = facts.typed.iter();
    let typed = typed.map(|(id, user)| (id.as_str(), user, true, id.clone()));
    let mut expected = Vec::new();
    for (cause, user, is_new, correlation_id) in stored.chain(typed) {
        let emits = |event_type, ordered| Expected {
            source: "club-service",
            event_type,
            subject: membership_of(user),
            cause,
            correlation_id: correlation_id.clone(),
            ordered,
        };
        expected.push(emits(MembershipNoted::TYPE, true));
        if is_new {
            expected.push(emits(CardRequested::TYPE, false));
        }
    }
    are_emitted(end, Service::Club, &expected);
    are_numbered_without_gaps(end);
}

/// The desk prints each card once and says so, and counts what the club has noted.
pub(super) fn of_the_desk(end: &mut End<'_>) {
    let facts = end.facts;
    let requests: Vec<_> = of_type(facts, CardRequested::TYPE).collect();
    let expected = requests.iter().map(|(id, request)| Expected {
        source: "desk-service",
        event_type: CardPrinted::TYPE,
        subject: format!("crd_{id}"),
        cause: id,
        correlation_id: correlation_of(id, request),
        ordered: true,
    });
    let expected: Vec<_> = expected.collect();
    are_emitted(end, Service::Desk, &expected);
    for (id, _) in &requests {
        let number = end.cards.get(*id).map(|card| card.text("number"));
        if number != Some(Ok(format!("no_{id}").as_str())) {
            end.fault(format!("the card of {id} has the number {number:?}"));
        }
    }
    // Whoever is gone keeps the card.
    let acted_on = requests
        .iter()
        .map(|(id, _)| ((*id).clone(), String::new()));
    end.acts_are_not_repeated(Service::Desk, &acted_on.collect::<Vec<_>>());
    let rounds = u64::from(facts.rounds) + 1;
    let mut noted: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, event) in of_type(facts, MembershipNoted::TYPE) {
        *noted.entry(event.subject.as_str()).or_default() += rounds;
    }
    for (subject, events) in noted {
        let counted = end.notes.get(subject).map(|note| note.count("count"));
        if counted != Some(Ok(events)) {
            end.fault(format!(
                "{counted:?} of {events} notes of {subject} are counted"
            ));
        }
    }
}

/// The request that an event belongs to: its own, or the event itself where none is named.
fn correlation_of(id: &str, event: &StoredEvent) -> String {
    event
        .correlation_id
        .clone()
        .unwrap_or_else(|| id.to_owned())
}

fn of_type<'a>(
    facts: &'a Facts,
    event_type: &'static str,
) -> impl Iterator<Item = (&'a String, &'a StoredEvent)> {
    let events = facts.events.iter();
    events.filter(move |(_, event)| event.event_type == event_type)
}

fn are_emitted(end: &mut End<'_>, emitter: Service, expected: &[Expected<'_>]) {
    let mut known = BTreeSet::new();
    for Expected {
        source,
        event_type,
        subject,
        cause,
        correlation_id,
        ordered,
    } in expected
    {
        let id = caused_event_id(cause, emitter.name(), event_type, 0);
        let as_expected = |event: &StoredEvent| {
            let key = &event.message.ordering_key;
            event.source == *source
                && event.topic == CLUB_EVENTS
                && event.event_type == *event_type
                && event.subject == *subject
                && event.causation_id.as_deref() == Some(*cause)
                && event.correlation_id.as_ref() == Some(correlation_id)
                && *key
                    == if *ordered {
                        subject.clone()
                    } else {
                        String::new()
                    }
        };
        match end.facts.events.get(&id) {
            Some(event) if as_expected(event) => {}
            Some(_) => end.fault(format!("{event_type} {id} is not what {cause} demands")),
            None => end.fault(format!("{cause} has not caused {event_type} {id}")),
        }
        known.insert(id);
    }
    let name = format!("{}-service", emitter.name());
    let emitted = end.facts.events.iter();
    let emitted = emitted.filter(|(id, event)| event.source == name && !known.contains(*id));
    let uncalled: Vec<String> = emitted
        .map(|(id, event)| {
            format!(
                "{} {id} was emitted, and nothing demands it",
                event.event_type
            )
        })
        .collect();
    end.found.extend(uncalled);
}

fn are_numbered_without_gaps(end: &mut End<'_>) {
    let mut sequences: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let mut twice = Vec::new();
    for (id, event) in of_type(end.facts, MembershipNoted::TYPE) {
        let of_subject = sequences.entry(&event.subject).or_default();
        if !of_subject.insert(event.sequence) {
            twice.push(format!("{id} has a sequence that another event has, too"));
        }
    }
    end.found.extend(twice);
    for (subject, numbers) in sequences {
        if !numbers.iter().copied().eq(1..=numbers.len() as u64) {
            end.fault(format!(
                "the events of {subject} have the sequences {numbers:?}"
            ));
        }
    }
}
