//! What must be true once the dust has settled.

use std::collections::BTreeMap;

use analytics_service::{SIGNUPS, SIGNUPS_BY_SOURCE};
use chrono::TimeDelta;
use crm_service::CONTACTS;
use email_service::EMAILS;
use fanout_contracts::user::{TOPIC as USER_EVENTS, UserCreated};
use fanout_dedup::{Links, Mark, MarkState, PROCESSED_EVENTS, Seen};
use fanout_events::{EventType as _, FLOW};
use fanout_outbox::{EVENTS, OUTBOX_LEASES};
use fanout_runtime::Clock;
use fanout_store::{Document, Documents, Fields, Query, all_documents};

use super::clock::{MAX_SKEW, SimClock};
use super::club::{CARDS, NOTES};
use super::emissions;
use super::facts::{Facts, UserState};
use super::services::Service;
use super::sim::Sim;

/// What lies in the store at the end, and what really happened.
pub(super) struct End<'a> {
    pub(super) facts: &'a Facts,
    /// Who has subscriptions.
    consumers: &'a [Service],
    /// By consumer and event id.
    marks: BTreeMap<(String, String), Mark>,
    contacts: BTreeMap<String, Fields>,
    /// Records of mails, by event id.
    emails: BTreeMap<String, Fields>,
    /// Sign-ups as they are counted, and as they are counted by source.
    signups: [u64; 2],
    /// What the desk has counted, by membership.
    pub(super) notes: BTreeMap<String, Fields>,
    /// Cards, by the event that asked for them.
    pub(super) cards: BTreeMap<String, Fields>,
    left_in_outbox: Vec<String>,
    pub(super) found: Vec<String>,
}

/// Checks everything and notes what is broken.
pub(crate) async fn check_all(sim: &Sim, store: &dyn Documents, consumers: &[Service]) {
    let all = async |collection| -> Vec<Document> {
        all_documents(store, Query::of(collection)).await.unwrap()
    };
    let by_ids = |documents: Vec<Document>| documents.into_iter().map(by_id).collect();
    let marks = all(PROCESSED_EVENTS).await;
    let (contacts, emails) = (all(CONTACTS).await, all(EMAILS).await);
    let signups = [all(SIGNUPS).await, all(SIGNUPS_BY_SOURCE).await];
    let (notes, cards) = (all(NOTES).await, all(CARDS).await);
    let left_in_outbox = left_in_outbox(sim, store).await;
    let found = {
        let facts = sim.facts();
        let mut end = End {
            facts: &facts,
            consumers,
            marks: marks.iter().map(by_consumer_and_event).collect(),
            contacts: by_ids(contacts),
            emails: by_ids(emails),
            signups: signups.map(|shards| {
                let counts = shards.iter().map(|shard| shard.fields.count("count"));
                counts.map(Result::unwrap).sum()
            }),
            notes: by_ids(notes),
            cards: by_ids(cards),
            left_in_outbox,
            found: Vec::new(),
        };
        end.every_state_has_its_event();
        end.every_event_has_arrived();
        end.every_event_has_its_effects();
        end.what_is_unusable_is_parked();
        end.nothing_is_held();
        for consumer in consumers {
            match consumer {
                // Of the shop, the bank and feeds, see there.
                Service::User
                | Service::Account
                | Service::Order
                | Service::Inventory
                | Service::Payment
                | Service::Shipping
                | Service::Post
                | Service::Feed => {}
                Service::Email => {
                    end.acts_are_not_repeated(Service::Email, &created(&facts));
                    end.records_are_of_users_who_are_there();
                }
                Service::Analytics => end.counts_are_right(),
                Service::Crm => end.contacts_follow_their_users(),
                Service::Club => emissions::of_the_club(&mut end),
                Service::Desk => emissions::of_the_desk(&mut end),
            }
        }
        end.found
    };
    found.into_iter().for_each(|what| sim.violation(what));
}

/// Every `user.created`, stored or typed by hand, with its user.
fn created(facts: &Facts) -> Vec<(String, String)> {
    let stored = facts.events.iter();
    let stored = stored.filter(|(_, event)| event.event_type == UserCreated::TYPE);
    let stored = stored.map(|(id, event)| (id.clone(), event.subject.clone()));
    let typed = facts.typed.iter();
    let typed = typed.map(|(id, user)| (id.clone(), user.clone()));
    stored.chain(typed).collect()
}

/// Rows that wait, and leases that are held. A lease that has run out while no row waits holds
/// nothing up: its holder died between the last row and the lease, and the line's next event takes
/// it over.
async fn left_in_outbox(sim: &Sim, store: &dyn Documents) -> Vec<String> {
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
    pub(super) fn fault(&mut self, what: String) {
        self.found.push(what);
    }

    pub(super) fn mark(&self, consumer: Service, event_id: &str) -> Option<&Mark> {
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

    /// No event that was stored is missing on its topic.
    fn every_event_has_arrived(&mut self) {
        for (id, event) in &self.facts.events {
            if !self.facts.arrived.contains(id) {
                let (event_type, topic) = (&event.event_type, &event.topic);
                self.fault(format!("{event_type} {id} has not arrived on {topic}"));
            }
        }
    }

    fn every_event_has_its_effects(&mut self) {
        let facts = self.facts;
        let stored = facts.events.iter();
        let stored = stored.map(|(id, event)| {
            let flow = event.message.attributes.get(FLOW).map(String::as_str);
            let (topic, event_type) = (event.topic.as_str(), event.event_type.as_str());
            (id, topic, event_type, flow)
        });
        // What was typed is not sent again: once marks have expired, those of it are gone.
        let typed = facts.typed.keys().filter(|_| facts.rounds == 0);
        let typed = typed.map(|id| (id, USER_EVENTS, UserCreated::TYPE, None));
        for (id, topic, event_type, flow) in stored.chain(typed) {
            for consumer in self.consumers {
                if !consumer.wants(topic, event_type, flow) {
                    continue;
                }
                let state = self.mark(*consumer, id).map(|mark| mark.state);
                let by_hand = state == Some(MarkState::Parked) && self.is_by_hand(id);
                if state != Some(MarkState::Done) && !by_hand {
                    let name = consumer.name();
                    self.fault(format!("{name} has not done {event_type} {id}: {state:?}"));
                }
            }
        }
    }

    /// One act for each event; more only where the mark says that this may have happened, and none
    /// only where the user was deleted. `events`: what is acted on, and whose it is.
    pub(super) fn acts_are_not_repeated(&mut self, consumer: Service, events: &[(String, String)]) {
        let name = consumer.name();
        for (id, user) in events {
            let is_gone = self.is_gone(user);
            let excused = self
                .mark(consumer, id)
                .is_some_and(|mark| mark.may_have_repeated);
            let typed = self.facts.typed.contains_key(id);
            // What was typed is not sent again.
            let last = if typed { 0 } else { self.facts.rounds };
            for round in 0..=last {
                let acts = self
                    .facts
                    .acts
                    .iter()
                    .filter(|act| act.consumer == consumer);
                let acts = acts.filter(|act| act.event_id == *id && act.round == round);
                match acts.count() {
                    1 => {}
                    0 if is_gone => {}
                    0 => self.fault(format!("{name} did not act on {id}, round {round}")),
                    // Only the last round's mark can still be read.
                    _ if excused || round < self.facts.rounds => {}
                    more => self.fault(format!(
                        "{name} acted {more} times on {id}, and its mark does not say so"
                    )),
                }
            }
        }
    }

    /// Each mail to a user who is there has its record, and nothing is kept of those to others.
    fn records_are_of_users_who_are_there(&mut self) {
        for (id, user) in created(self.facts) {
            let status = self.emails.get(&id).map(|record| record.text("status"));
            let found = match (status, self.is_gone(&user)) {
                (Some(Ok("sent")), false) | (None, true) => continue,
                (Some(_), true) => "there is a record, and the user is deleted",
                (Some(_), false) => "its record does not say that it was sent",
                (None, false) => "it has no record",
            };
            self.found.push(format!("the mail for {id}: {found}"));
        }
    }

    /// Whether the user was deleted, in the end.
    pub(super) fn is_gone(&self, user_id: &str) -> bool {
        let versions = self.facts.users.get(user_id);
        let last = versions.and_then(|versions| versions.values().next_back());
        last == Some(&UserState::Deleted)
    }

    fn counts_are_right(&mut self) {
        let users = self.facts.sign_ups();
        let typed = self.facts.typed.len() as u64;
        let rounds = u64::from(self.facts.rounds) + 1;
        let [counted, by_source] = self.signups;
        if [counted, by_source] != [users * rounds + typed; 2] {
            self.fault(format!(
                "{counted} sign-ups are counted, {by_source} by source, of {users} users, {rounds} times, and {typed} typed"
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

    /// Whether an event is about an order of which operators have taken something upon themselves.
    fn is_by_hand(&self, event_id: &str) -> bool {
        let event = self.facts.events.get(event_id);
        let event = event.and_then(|it| serde_json::from_slice(&it.message.data).ok());
        let event: serde_json::Value = event.unwrap_or_default();
        let order = event["data"]["order_id"].as_str();
        order.is_some_and(|order| self.facts.shop.is_by_hand(order))
    }

    fn what_is_unusable_is_parked(&mut self) {
        for (consumer, message_id) in &self.facts.unusable {
            if !self.facts.is_parked(*consumer, message_id) {
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
