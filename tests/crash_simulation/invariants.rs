//! What must be true once the dust has settled.

use std::collections::BTreeMap;

use analytics_service::{SIGNUPS, SIGNUPS_BY_SOURCE};
use chrono::TimeDelta;
use crm_service::CONTACTS;
use email_service::EMAILS;
use fanout_contracts::user::UserCreated;
use fanout_dedup::{Links, Mark, MarkState, PROCESSED_EVENTS, Seen};
use fanout_events::EventType as _;
use fanout_outbox::{EVENTS, OUTBOX_LEASES};
use fanout_runtime::Clock;
use fanout_store::{Document, Documents, Fields, Query, all_documents};

use super::clock::{MAX_SKEW, SimClock};
use super::facts::{Facts, UserState};
use super::services::Service;
use super::sim::Sim;

/// What lies in the store at the end, and what really happened.
struct End<'a> {
    facts: &'a Facts,
    /// By consumer and event id.
    marks: BTreeMap<(String, String), Mark>,
    contacts: BTreeMap<String, Fields>,
    /// Records of mails, by event id.
    emails: BTreeMap<String, Fields>,
    /// Sign-ups as they are counted, and as they are counted by source.
    signups: [u64; 2],
    left_in_outbox: Vec<String>,
    found: Vec<String>,
}

/// Checks everything and notes what is broken.
pub(crate) async fn check_all(sim: &Sim, store: &dyn Documents) {
    let all = async |collection| -> Vec<Document> {
        all_documents(store, Query::of(collection)).await.unwrap()
    };
    let marks = all(PROCESSED_EVENTS).await;
    let contacts = all(CONTACTS).await;
    let emails = all(EMAILS).await;
    let signups = [all(SIGNUPS).await, all(SIGNUPS_BY_SOURCE).await];
    let left_in_outbox = left_in_outbox(sim, store).await;
    let found = {
        let facts = sim.facts();
        let mut end = End {
            facts: &facts,
            marks: marks.iter().map(by_consumer_and_event).collect(),
            contacts: contacts.into_iter().map(by_id).collect(),
            emails: emails.into_iter().map(by_id).collect(),
            signups: signups.map(|shards| {
                let counts = shards.iter().map(|shard| shard.fields.count("count"));
                counts.map(Result::unwrap).sum()
            }),
            left_in_outbox,
            found: Vec::new(),
        };
        end.every_state_has_its_event();
        end.every_event_has_its_effects();
        end.mails_are_not_repeated();
        end.records_are_of_users_who_are_there();
        end.counts_are_right();
        end.contacts_follow_their_users();
        end.what_is_unusable_is_parked();
        end.nothing_is_held();
        end.found
    };
    found.into_iter().for_each(|what| sim.violation(what));
}

/// Rows that wait, and leases that are held. A lease that has run out while no row waits holds
/// nothing up: its holder died between the last row and the lease, and the line's next event takes
/// it over.
pub(crate) async fn left_in_outbox(sim: &Sim, store: &dyn Documents) -> Vec<String> {
    let now = SimClock::new(sim.epoch, TimeDelta::zero()).now();
    let rows = all_documents(store, Query::of(EVENTS)).await.unwrap();
    let waits = |row: &Document| row.fields.get("waiting").is_some();
    let mut left: Vec<Document> = rows.into_iter().filter(waits).collect();
    let leases = all_documents(store, Query::of(OUTBOX_LEASES))
        .await
        .unwrap();
    let run_out = |lease: &Document| lease.fields.timestamp("expires_at").unwrap() + MAX_SKEW < now;
    left.extend(leases.into_iter().filter(|lease| !run_out(lease)));
    left.iter()
        .map(|document| document.key.to_string())
        .collect()
}

fn by_consumer_and_event(document: &Document) -> ((String, String), Mark) {
    let mark = Mark::from_fields(&document.fields).unwrap();
    let seen = Seen {
        consumer: "",
        event_id: mark.event_id.clone(),
        fingerprint: fanout_events::Fingerprint::of_bytes(b""),
        links: Links::default(),
    };
    // The note of a reused id has the event's id and another place than the event's own mark.
    let own = document.key.id().ends_with(&seen.key().id()[1..]);
    let event_id = match own {
        true => mark.event_id.clone(),
        false => format!("{} reused", mark.event_id),
    };
    ((mark.consumer.clone(), event_id), mark)
}

fn by_id(document: Document) -> (String, Fields) {
    (document.key.id().to_owned(), document.fields)
}

impl End<'_> {
    fn fault(&mut self, what: String) {
        self.found.push(what);
    }

    fn mark(&self, consumer: Service, event_id: &str) -> Option<&Mark> {
        let key = (consumer.name().to_owned(), event_id.to_owned());
        self.marks.get(&key)
    }

    /// A user who was answered 201 is there, and every state a user ever had has one event.
    fn every_state_has_its_event(&mut self) {
        for id in &self.facts.accepted {
            if !self.facts.users.contains_key(id) {
                self.fault(format!("{id} was accepted and is not stored"));
            }
        }
        for (id, versions) in &self.facts.users {
            for version in versions.keys() {
                let events = self.facts.events.values();
                let of_it = events.filter(|it| it.subject == *id && it.sequence == *version);
                let count = of_it.count();
                if count != 1 {
                    self.fault(format!("version {version} of {id} has {count} events"));
                }
            }
        }
    }

    fn every_event_has_its_effects(&mut self) {
        for (id, event) in &self.facts.events {
            for consumer in Service::CONSUMERS {
                if !consumer.handles().contains(&event.event_type.as_str()) {
                    continue;
                }
                let state = self.mark(consumer, id).map(|mark| mark.state);
                if state != Some(MarkState::Done) {
                    let (name, event_type) = (consumer.name(), &event.event_type);
                    self.fault(format!("{name} has not done {event_type} {id}: {state:?}"));
                }
            }
        }
    }

    /// One mail per sign-up; more only where the mark says that this may have happened, and none
    /// only where the user was deleted.
    fn mails_are_not_repeated(&mut self) {
        for (id, event) in &self.facts.events {
            if event.event_type != UserCreated::TYPE {
                continue;
            }
            let is_gone = self.is_gone(&event.subject);
            let excused = self
                .mark(Service::Email, id)
                .is_some_and(|mark| mark.may_have_repeated);
            for round in 0..=self.facts.rounds {
                let mails = self.facts.mails.iter();
                let mails = mails.filter(|mail| mail.event_id == *id && mail.round == round);
                match mails.count() {
                    1 => {}
                    0 if is_gone => {}
                    0 => self.fault(format!("no mail was sent for {id}, round {round}")),
                    // Only the last round's mark can still be read.
                    _ if excused || round < self.facts.rounds => {}
                    more => self.fault(format!(
                        "{more} mails were sent for {id}, and its mark does not say so"
                    )),
                }
            }
        }
    }

    /// Each mail to a user who is there has its record, and nothing is kept of those to others.
    fn records_are_of_users_who_are_there(&mut self) {
        for (id, event) in &self.facts.events {
            if event.event_type != UserCreated::TYPE {
                continue;
            }
            let status = self.emails.get(id).map(|record| record.text("status"));
            let found = match (status, self.is_gone(&event.subject)) {
                (Some(Ok("sent")), false) | (None, true) => continue,
                (Some(_), true) => "there is a record, and the user is deleted",
                (Some(_), false) => "its record does not say that it was sent",
                (None, false) => "it has no record",
            };
            self.found.push(format!("the mail for {id}: {found}"));
        }
    }

    /// Whether the user was deleted, in the end.
    fn is_gone(&self, user_id: &str) -> bool {
        let versions = self.facts.users.get(user_id);
        let last = versions.and_then(|versions| versions.values().next_back());
        last == Some(&UserState::Deleted)
    }

    fn counts_are_right(&mut self) {
        let users = self.facts.sign_ups();
        let rounds = u64::from(self.facts.rounds) + 1;
        let [counted, by_source] = self.signups;
        if [counted, by_source] != [users * rounds; 2] {
            self.fault(format!(
                "{counted} sign-ups are counted, {by_source} by source, of {users} users, {rounds} times"
            ));
        }
    }

    fn contacts_follow_their_users(&mut self) {
        for (contact, writes) in &self.facts.contact_writes {
            if *writes != 1 {
                self.fault(format!("{contact:?} was written {writes} times"));
            }
        }
        for (id, versions) in &self.facts.users {
            let Some((version, state)) = versions.last_key_value() else {
                continue;
            };
            let Some(contact) = self.contacts.get(id) else {
                self.fault(format!("{id} is no contact"));
                continue;
            };
            let is_of = contact.count("version").unwrap();
            let since = contact.count("first_sequence").unwrap();
            let is_gone = contact.optional_timestamp("deleted_at").unwrap().is_some();
            let same = match state {
                UserState::Deleted => {
                    is_gone && contact.get("email").is_none() && contact.get("name").is_none()
                }
                UserState::Present { email, name } => {
                    !is_gone
                        && contact.text("email") == Ok(email)
                        && contact.text("name") == Ok(name)
                }
            };
            if is_of != *version || since != 1 || !same {
                self.fault(format!(
                    "contact {id} begins with {since} and has version {is_of}, the user has {version} (equal: {same})"
                ));
            }
        }
        for id in self.contacts.keys() {
            if !self.facts.users.contains_key(id) {
                self.found.push(format!("contact {id} is no user"));
            }
        }
    }

    fn what_is_unusable_is_parked(&mut self) {
        for (consumer, message_id) in &self.facts.unusable {
            let lies_there = self.facts.dead_letters.iter().any(|letter| {
                letter.consumer == consumer.name() && letter.original_message_id == *message_id
            });
            if !lies_there {
                let name = consumer.name();
                self.fault(format!("message {message_id} was not parked by {name}"));
            }
        }
    }

    /// No claim, no row, no lease.
    fn nothing_is_held(&mut self) {
        let held = self.marks.iter().filter_map(|((consumer, event), mark)| {
            let state = mark.state.as_str();
            match mark.state {
                MarkState::Done | MarkState::Parked => None,
                MarkState::Processing | MarkState::Released => {
                    Some(format!("the mark of {event} at {consumer} is {state}"))
                }
            }
        });
        let held: Vec<String> = held.collect();
        self.found.extend(held);
        for key in &self.left_in_outbox {
            self.found.push(format!("{key} is left behind"));
        }
    }
}
