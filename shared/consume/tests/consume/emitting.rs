//! A reaction that emits: its events are part of its one commit, and are published before the ack.

use std::time::Duration;

use fanout_consume::{Plan, UnitOfWork};
use fanout_dedup::PROCESSED_EVENTS;
use fanout_events::TRACEPARENT;
use fanout_outbox::{EVENTS, OUTBOX_LEASES, caused_event_id};
use fanout_runtime::Timings;
use fanout_store::{Documents, Fields, Key, Query, Write, all_documents};
use fanout_testkit::user_events::created;
use fanout_testkit::{HookedCommit, HookedDocuments, Mood, PortCalls, captured_logs};
use serde_json::{Value, json};

use super::effects::{Acting, Planned, THINGS, follow_up, thing};
use super::scene::{Before, Delivered, Scene, TESTED, outcome_of};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Writes a thing, and emits two events about it and one about another.
fn maker() -> fanout_consume::Consumer {
    Planned::consumer(|conflicts| {
        let plan = Fields::new().with("conflicts", u64::from(conflicts));
        let work = UnitOfWork::from(vec![Write::set(thing("a"), plan)]);
        let work = work.emit(follow_up("a", 1)).emit(follow_up("b", 1));
        Ok(Plan::Apply(work.emit(follow_up("a", 2))))
    })
}

impl Scene {
    /// The events that followed, as they were published.
    fn followed(&self) -> Vec<Value> {
        let messages = self.published_to("user-events");
        let event = |data: &[u8]| serde_json::from_slice(data).unwrap();
        messages
            .iter()
            .map(|message| event(&message.data))
            .collect()
    }

    async fn count(&self, of: &'static fanout_store::Collection) -> usize {
        let all = Query::of(of);
        let found = all_documents(self.documents.as_ref() as &dyn Documents, all).await;
        found.unwrap().len()
    }

    /// Lets tasks run until they wait for something.
    async fn settled(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn mark_writes_rows_and_leases_are_one_commit_and_one_round_trip() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    scene.bus.turn(Mood::Silent);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let costs = PortCalls {
        gets: 0,
        queries: 0,
        commits: 1,
    };
    assert_eq!(scene.documents.take_calls(), costs);
    for (collection, writes) in [
        (PROCESSED_EVENTS, 1),
        (THINGS, 1),
        (EVENTS, 3),
        (OUTBOX_LEASES, 2),
    ] {
        assert_eq!(
            scene.documents.writes_to(collection),
            writes,
            "{}",
            collection.name
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_is_published_before_the_ack_and_only_once() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&app, &event).await, "done");
    assert_eq!(scene.followed().len(), 3);
    scene.settled().await;
    assert_eq!(scene.count(OUTBOX_LEASES).await, 0);
    let costs = scene.documents.take_calls();
    assert_eq!(
        (costs.gets, costs.commits),
        (0, 3),
        "one, and one for each line"
    );
    assert_eq!(outcome_of(&app, &event).await, "duplicate");
    assert_eq!(scene.followed().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn cause_correlation_and_trace_are_carried_on() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    let mut event = created("evt_1", "usr_1");
    event["correlation_id"] = "req_1".into();
    let delivered = Delivered::of(&event).with(TRACEPARENT, TRACE);
    assert_eq!(delivered.to(&app).await, "done");
    let followed = scene.followed();
    let mut places: Vec<_> = followed
        .iter()
        .map(|event| {
            (
                event["subject"].as_str().unwrap(),
                event["sequence"].as_u64(),
            )
        })
        .collect();
    places.sort_unstable();
    assert_eq!(places, [("a", Some(1)), ("a", Some(2)), ("b", Some(1))]);
    for event in followed {
        assert_eq!(event["correlation_id"], "req_1");
        assert_eq!(event["causation_id"], "evt_1");
        assert_eq!(event["source"], "tested-service");
        assert_eq!(event["timestamp"], "2026-11-20T12:00:00.000Z");
    }
    for message in scene.published_to("user-events") {
        assert_eq!(message.attributes[TRACEPARENT], TRACE);
        assert_eq!(message.attributes["correlation_id"], "req_1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_one_line_of_the_log_with_message_trace_and_event() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    let delivered = Delivered::of(&created("evt_1", "usr_1")).with(TRACEPARENT, TRACE);
    let (_, logs) = captured_logs(delivered.to(&app)).await;
    let line = logs
        .lines()
        .find(|line| line.contains("\"delivered\""))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let trace = "projects/test/traces/4bf92f3577b34da6a3ce929d0e0e4736";
    for (field, value) in [
        ("message_id", "1"),
        ("event_id", "evt_1"),
        ("event_type", "user.created"),
        ("subject", "usr_1"),
        ("consumer", TESTED),
        ("outcome", "done"),
        ("logging.googleapis.com/trace", trace),
    ] {
        assert_eq!(line[field], value, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_typed_by_hand_is_itself_what_started_it_all() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    let typed =
        json!({"userId": "u-1", "email": "a@example.com", "name": "A", "event": "user.created"});
    let typed = Delivered::of(&typed).with(TRACEPARENT, "no trace");
    assert_eq!(typed.to(&app).await, "done");
    for event in scene.followed() {
        assert_eq!(event["correlation_id"], event["causation_id"]);
        assert_eq!(event["correlation_id"], "msg_1_0");
    }
    for message in scene.published_to("user-events") {
        assert_eq!(message.attributes.get(TRACEPARENT), None);
    }
}

#[tokio::test(start_paused = true)]
async fn planned_again_it_makes_the_same_events() {
    let scene = Scene::new().await;
    let changed = Write::set(thing("a"), Fields::new());
    let conflict = changed.conflict(1, fanout_store::Violation::Changed);
    let conflicts = async move { HookedCommit::Fails(conflict.into()) };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(1, conflicts));
    let app = scene.over(documents, maker());
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let planned = scene.read(&thing("a")).await.unwrap().fields;
    assert_eq!(planned.count("conflicts"), Ok(1));
    let mut ids = scene.bus.event_ids();
    ids.sort();
    let expected = (0..3).map(|number| caused_event_id("evt_1", TESTED, "user.deleted", number));
    let mut expected: Vec<_> = expected.collect();
    expected.sort();
    assert_eq!(ids, expected);
}

/// The mark has expired, the events have not: they lie there for longer.
#[tokio::test(start_paused = true)]
async fn an_event_that_follows_again_is_not_stored_again() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&app, &event).await, "done");
    scene.settled().await;
    scene.clock.advance(Timings::PRODUCTION.mark_lifetime);
    assert_eq!(outcome_of(&app, &event).await, "done");
    assert_eq!(scene.count(EVENTS).await, 3);
    assert_eq!(scene.followed().len(), 3);
    assert_eq!(scene.documents.writes_to(THINGS), 2);
}

/// The line is held by another reaction: nothing is planned again for that.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_held_is_no_conflict_of_the_plan() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    let _never = scene.bus.answer_the_next_late();
    let _nor = scene.bus.answer_the_next_late();
    for id in ["evt_1", "evt_2"] {
        assert_eq!(outcome_of(&app, &created(id, "usr_1")).await, "done");
        let planned = scene.read(&thing("a")).await.unwrap().fields;
        assert_eq!(planned.count("conflicts"), Ok(0), "{id}");
    }
    assert_eq!(
        scene.followed().len(),
        2,
        "the holder of each line is at its first"
    );
    assert_eq!(scene.count(EVENTS).await, 6);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_does_not_keep_the_reaction_from_being_acked() {
    let scene = Scene::new().await;
    let app = scene.of(maker());
    scene.bus.turn(Mood::Down);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!(scene.followed().len(), 0);
    assert_eq!(scene.count(OUTBOX_LEASES).await, 2, "left to the relay");
}

#[tokio::test(start_paused = true)]
async fn an_act_emits_with_its_completing_commit() {
    let scene = Scene::new().await;
    let (_, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let followed = scene.followed();
    assert_eq!(followed.len(), 1);
    assert_eq!(followed[0]["causation_id"], "evt_1");
    assert_eq!(
        scene.bus.event_ids(),
        [caused_event_id("evt_1", TESTED, "user.deleted", 0)]
    );
    scene.settled().await;
    // Claim, completion, and the line's tidying up.
    assert_eq!(scene.documents.take_calls().commits, 3);
}

#[tokio::test(start_paused = true)]
async fn a_stale_event_may_emit_too() {
    let scene = Scene::new().await;
    let app = scene.of(Planned::consumer(|_| {
        Ok(Plan::Stale(UnitOfWork::default().emit(follow_up("a", 1))))
    }));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "stale");
    assert_eq!(scene.followed().len(), 1);
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!(mark.outcome.as_deref(), Some("stale"));
}

/// The clock of the row is that of its storing; what the reaction says of itself counts for the event.
#[tokio::test(start_paused = true)]
async fn an_event_says_when_it_happened_if_its_author_does() {
    let scene = Scene::new().await;
    let app = scene.of(Planned::consumer(|_| {
        let then = "2026-11-19T08:00:00Z".parse().unwrap();
        let work = UnitOfWork::default().emit(follow_up("a", 1).at(then));
        Ok(Plan::Apply(work))
    }));
    scene.clock.advance(Duration::from_secs(5));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!(scene.followed()[0]["timestamp"], "2026-11-19T08:00:00.000Z");
    let id = caused_event_id("evt_1", TESTED, "user.deleted", 0);
    let row = scene.read(&Key::new(EVENTS, &id)).await.unwrap().fields;
    let recorded = "2026-11-20T12:00:05Z".parse().unwrap();
    assert_eq!(row.timestamp("recorded_at"), Ok(recorded));
}
