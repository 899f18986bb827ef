//! What is stored of a user follows from which events have come, whatever their order and however
//! often each comes.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Router;
use crm_service::{CONTACTS, app};
use fanout_runtime::SystemClock;
use fanout_store::{Documents, Fields, Key, Value as Stored};
use fanout_store_sqlite::{Database, SqliteDocuments};
use fanout_testkit::consumer_tests::{deliver, lone_consumer, look_at};
use fanout_testkit::user_events::{created, deleted, updated};
use proptest::prelude::*;
use serde_json::Value;

/// The CRM over one store in memory; every story is told of a user of its own.
struct Crm {
    app: Router,
    documents: Arc<SqliteDocuments>,
    users: usize,
}

/// What is stored of a user and what is answered, with the user's id taken out.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    stored: BTreeMap<String, String>,
    answered: String,
}

impl Crm {
    async fn new() -> Self {
        let clock = Arc::new(SystemClock);
        let database = Database::in_memory().unwrap();
        let documents = SqliteDocuments::open(database, clock.clone()).await;
        let documents = Arc::new(documents.unwrap());
        let app = app(lone_consumer(documents.clone(), clock));
        let users = 0;
        Self {
            app,
            documents,
            users,
        }
    }

    fn new_user(&mut self) -> String {
        self.users += 1;
        // Of one length, so that nothing differs but the digits.
        format!("usr_{:08}", self.users)
    }

    /// Delivers the event, about this user and under an id of its own.
    async fn tell(&self, user: &str, event: &Value) -> String {
        let mut event = event.clone();
        event["id"] = format!("{}_{user}", event["id"].as_str().unwrap()).into();
        event["subject"] = user.into();
        event["data"]["user_id"] = user.into();
        let answer = deliver(&self.app, event.to_string()).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        answer.outcome
    }

    async fn stored(&self, user: &str) -> BTreeMap<String, String> {
        let contact = self.documents.get(&Key::new(CONTACTS, user)).await;
        let fields = contact.unwrap().map(|contact| contact.fields);
        let fields = fields.unwrap_or_else(Fields::new).into_iter();
        let shown = |value| shown(&value).replace(user, "USER");
        fields.map(|(name, value)| (name, shown(value))).collect()
    }

    async fn see(&self, user: &str) -> Seen {
        let answer = look_at(&self.app, &format!("/contacts/{user}")).await;
        let answered = format!("{} {}", answer.status(), answer.body());
        Seen {
            stored: self.stored(user).await,
            answered: answered.replace(user, "USER"),
        }
    }

    /// What is to be seen once these events have come, each once and in their order.
    async fn expected(&mut self, events: &[&Value]) -> Seen {
        let user = self.new_user();
        for event in events {
            self.tell(&user, event).await;
        }
        self.see(&user).await
    }
}

/// `Debug` hides values, for they may be personal.
fn shown(value: &Stored) -> String {
    match value {
        Stored::Null => "null".to_owned(),
        Stored::Integer(number) => number.to_string(),
        Stored::Text(text) => text.clone(),
        Stored::Timestamp(time) => time.to_rfc3339(),
        Stored::Boolean(_)
        | Stored::Double(_)
        | Stored::Array(_)
        | Stored::Map(_)
        | Stored::Foreign(_) => panic!("a contact has no such field"),
    }
}

fn at(mut event: Value, time: &str) -> Value {
    event["timestamp"] = time.into();
    event
}

/// A whole life.
fn life() -> [Value; 4] {
    [
        at(created("evt_1", ""), "2026-11-20T12:00:01.0009Z"),
        at(updated("evt_2", "", 2, "Second"), "2026-11-20T12:00:02Z"),
        // Clocks of instances differ: the sequence counts, not the time.
        at(updated("evt_3", "", 3, "Third"), "2026-11-20T12:00:00Z"),
        at(deleted("evt_4", "", 4), "2026-11-20T12:00:04Z"),
    ]
}

/// Every way to deliver four events in six deliveries, 4 to the power of 6, looked at after each
/// delivery: so every order, of every part of the life, with every event any number of times.
#[tokio::test]
async fn every_order_with_any_repeats_ends_in_the_same_state() {
    let mut crm = Crm::new().await;
    let life = life();
    let mut expected = BTreeMap::new();
    for set in 1..1_usize << life.len() {
        let events: Vec<&Value> = (0..life.len())
            .filter(|n| set & (1 << n) != 0)
            .map(|n| &life[n])
            .collect();
        expected.insert(set, crm.expected(&events).await);
    }
    let distinct: BTreeSet<String> = expected.values().map(|seen| format!("{seen:?}")).collect();
    // Of four events there are ten pairs of a first and a last.
    assert_eq!(distinct.len(), 10);
    for word in 0..4_usize.pow(6) {
        let user = crm.new_user();
        let mut set = 0;
        let mut told = Vec::new();
        for delivery in 0..6 {
            let event = word / 4_usize.pow(delivery) % 4;
            told.push(event + 1);
            let outcome = crm.tell(&user, &life[event]).await;
            let repeated = set & (1 << event) != 0;
            assert_eq!(outcome == "duplicate", repeated, "{told:?}");
            set |= 1 << event;
            assert_eq!(crm.stored(&user).await, expected[&set].stored, "{told:?}");
        }
        assert_eq!(crm.see(&user).await, expected[&set], "{told:?}");
    }
}

/// The `number`th order of six things.
fn order_of_six(mut number: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..6).collect();
    (1..=6)
        .rev()
        .map(|choices| {
            let chosen = left.remove(number % choices);
            number /= choices;
            chosen
        })
        .collect()
}

/// All 720 orders of six events, with a repeat of an earlier one after each.
#[tokio::test]
async fn every_order_of_six_events_with_repeats_ends_in_the_same_state() {
    let mut crm = Crm::new().await;
    let [first, second, third, _] = life();
    let events = [
        first,
        second,
        third,
        updated("evt_4", "", 4, "Fourth"),
        updated("evt_5", "", 5, "Fifth"),
        deleted("evt_6", "", 6),
    ];
    let expected = crm.expected(&events.iter().collect::<Vec<_>>()).await;
    for number in 0..720 {
        let order = order_of_six(number);
        let user = crm.new_user();
        for (told, event) in order.iter().enumerate() {
            crm.tell(&user, &events[*event]).await;
            let earlier = order[number % (told + 1)];
            assert_eq!(crm.tell(&user, &events[earlier]).await, "duplicate");
        }
        assert_eq!(crm.see(&user).await, expected, "{order:?}");
    }
}

/// The answer tells which events moved the contact: those that are later than all before.
#[tokio::test]
async fn an_older_event_is_stale_even_where_it_corrects_the_beginning() {
    let mut crm = Crm::new().await;
    let [first, second, third, gone] = life();
    let user = crm.new_user();
    assert_eq!(crm.tell(&user, &third).await, "done");
    let early = crm.see(&user).await;
    assert!(early.answered.contains(r#""first_event_id":"evt_3_USER""#));
    assert_eq!(crm.tell(&user, &first).await, "stale");
    let corrected = crm.see(&user).await;
    assert!(corrected.answered.contains(r#""name":"Third""#));
    assert!(
        corrected
            .answered
            .contains(r#""created_at":"2026-11-20T12:00:01.000Z""#)
    );
    assert!(
        corrected
            .answered
            .contains(r#""first_event_id":"evt_1_USER""#)
    );
    assert_eq!(crm.tell(&user, &second).await, "stale");
    assert_eq!(
        crm.see(&user).await,
        corrected,
        "the middle tells nothing more"
    );
    assert_eq!(crm.tell(&user, &gone).await, "done");
    assert_eq!(crm.tell(&user, &second).await, "duplicate");
}

#[tokio::test]
async fn a_tombstone_holds_nothing_personal() {
    let mut crm = Crm::new().await;
    let user = crm.new_user();
    for event in life() {
        crm.tell(&user, &event).await;
    }
    insta::assert_json_snapshot!(crm.see(&user).await.stored, @r#"
    {
      "created_at": "2026-11-20T12:00:01+00:00",
      "deleted_at": "2026-11-20T12:00:04+00:00",
      "first_event_id": "evt_1_USER",
      "first_sequence": "1",
      "last_event_id": "evt_4_USER",
      "source": "user-service",
      "user_id": "USER",
      "version": "4"
    }
    "#);
}

/// Any event about one user. Few sequences, times and ids, so that they meet: the same sequence
/// under several ids, as hand-typed events have it, created and deleted more than once.
fn any_event() -> impl Strategy<Value = Value> {
    let kinds = prop_oneof![
        Just("created".to_owned()),
        Just("updated".to_owned()),
        Just("deleted".to_owned()),
    ];
    (kinds, 1..4_u64, 0..3_u32, 0..2_u32).prop_map(|(kind, sequence, second, twin)| {
        // The id says all that the event says: an id stands for one event.
        let id = format!("evt_{kind}_{sequence}_{second}_{twin}");
        let event = match kind.as_str() {
            "created" => created(&id, ""),
            "updated" => updated(&id, "", 1, &id),
            _ => deleted(&id, "", 1),
        };
        let mut event = at(event, &format!("2026-11-20T12:00:0{second}Z"));
        event["sequence"] = sequence.into();
        event["source"] = format!("source-{twin}").into();
        event
    })
}

/// Some events, and another order of them with repeats.
fn two_tellings() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    prop::collection::vec(any_event(), 1..6).prop_flat_map(|events| {
        let repeats = prop::collection::vec(prop::sample::select(events.clone()), 0..4);
        let other = repeats.prop_map({
            let events = events.clone();
            move |repeats| [events.clone(), repeats].concat()
        });
        (Just(events), other.prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_events_in_any_order_with_any_repeats_end_in_the_same_state(
        (events, again) in two_tellings()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut crm = Crm::new().await;
            let one = crm.expected(&events.iter().collect::<Vec<_>>()).await;
            let other = crm.expected(&again.iter().collect::<Vec<_>>()).await;
            prop_assert_eq!(one, other);
            Ok(())
        })?;
    }
}
