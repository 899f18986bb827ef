//! Outside effects: the fence of a claim, the time of an act, what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use fanout_consume::Failure;
use fanout_dedup::{Ledger, MarkState, PROCESSED_EVENTS, Parking};
use fanout_runtime::Timings;
use fanout_store::{Fields, Write};
use fanout_testkit::NextPublish;
use fanout_testkit::user_events::{created, updated};
use serde_json::Value;
use tokio::time::Instant;

use super::effects::{Acting, Next, THINGS, Told, thing};
use super::scene::{Delivered, Scene, outcome_of, seen};

/// A consumer that acts as it is told, and an event for it.
async fn acting() -> (Scene, Arc<Told>, Router, Value) {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    (scene, told, app, created("evt_1", "usr_1"))
}

/// What an act wants to remember is there already.
pub(crate) async fn remember_something(scene: &Scene) {
    let there = Write::set(thing("remembered"), Fields::new());
    fanout_store::Documents::commit(scene.documents.as_ref(), vec![there])
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_act_found_out_is_remembered_with_the_completing_mark() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    told.next(Next::Acts("charge_1"));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!(told.remembered(), [("charge_1".to_owned(), 0)]);
    let remembered = scene.read(&thing("remembered")).await.unwrap().fields;
    assert_eq!(remembered.text("end"), Ok("charge_1"));
    assert_eq!(
        scene.documents.writes_to(PROCESSED_EVENTS),
        2,
        "claim and completion"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_about_what_is_remembered_is_planned_again_and_the_act_is_not_repeated() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    *told.careful.lock().unwrap() = 1;
    remember_something(&scene).await;
    for (event, end) in [("evt_1", "acted"), ("evt_2", "refused")] {
        if end == "refused" {
            told.next(Next::Parks);
        }
        outcome_of(&app, &created(event, "usr_1")).await;
    }
    let twice = [("acted", 0), ("acted", 1), ("refused", 0), ("refused", 1)];
    let twice = twice.map(|(end, conflicts)| (end.to_owned(), conflicts));
    assert_eq!(told.remembered(), twice);
    assert_eq!(told.acts().len(), 2);
    assert_eq!(scene.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_of_a_stale_event() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    told.next(Next::Stale);
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&app, &event).await, "stale");
    assert_eq!(told.remembered(), []);
    assert_eq!(outcome_of(&app, &event).await, "duplicate");
}

#[tokio::test(start_paused = true)]
async fn a_fence_is_committed_with_the_claim_before_the_act_begins() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    let fence = Write::create(thing("fence"), Fields::new().with("by", "evt_1"));
    *told.fence.lock().unwrap() = Some(Ok(vec![fence]));
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let by_act = told.seen_by_act.lock().unwrap().clone();
    assert_eq!(by_act.unwrap().fields.text("by"), Ok("evt_1"));
    // The claim with its fence, and the completion; one line was tidied up.
    assert_eq!(scene.documents.writes_to(THINGS), 2);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_on_the_fence_is_planned_again_five_times_and_claims_nothing() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    let app = scene.of(consumer);
    let fence = Write::set(thing("fence"), Fields::new());
    let committed = fanout_store::Documents::commit(scene.documents.as_ref(), vec![fence]).await;
    let version = committed.unwrap().update_times[0].unwrap();
    let conflicts = Write::create(thing("fence"), Fields::new());
    *told.fence.lock().unwrap() = Some(Ok(vec![conflicts]));
    let event = created("evt_1", "usr_1");
    let started = Instant::now();
    assert_eq!(outcome_of(&app, &event).await, "failed");
    assert_eq!(told.fences(), [0, 1, 2, 3, 4, 5]);
    assert!(started.elapsed() > Duration::ZERO, "with pauses between");
    assert_eq!(told.acts(), []);
    assert_eq!(scene.mark("evt_1").await, None);
    let holds = Write::replace(thing("fence"), Fields::new().with("by", "x"), version);
    *told.fence.lock().unwrap() = Some(Ok(vec![holds]));
    assert_eq!(outcome_of(&app, &event).await, "done");
}

#[tokio::test(start_paused = true)]
async fn a_fence_can_park_its_event_or_put_it_off() {
    let (scene, told, app, event) = acting().await;
    *told.fence.lock().unwrap() = Some(Err(Failure::retry("not now")));
    assert_eq!(outcome_of(&app, &event).await, "failed");
    assert_eq!(scene.mark("evt_1").await, None);
    *told.fence.lock().unwrap() = Some(Err(Failure::Park {
        reason: "fenced_off",
        detail: "never".to_owned(),
    }));
    assert_eq!(outcome_of(&app, &event).await, "parked");
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!(
        (mark.state, mark.outcome.as_deref()),
        (MarkState::Parked, Some("fenced_off"))
    );
    assert_eq!(told.acts(), []);
    assert_eq!(scene.letters().len(), 1);
    assert_eq!(
        outcome_of(&app, &event).await,
        "done",
        "the fence lets it in now"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_whether_it_may_have_acted_and_the_next_try_is_told() {
    let (_, told, app, event) = acting().await;
    for may_have_acted in [false, true, false] {
        told.next(Next::Fails { may_have_acted });
        assert_eq!(outcome_of(&app, &event).await, "failed");
    }
    assert_eq!(outcome_of(&app, &event).await, "done");
    let tries = told.acts();
    let tries: Vec<_> = tries
        .iter()
        .map(|it| (it.number, it.may_have_repeated))
        .collect();
    assert_eq!(tries, [(1, false), (2, false), (3, true), (4, true)]);
}

/// The other side asks for it later: that is no failure, and nothing has happened.
#[tokio::test(start_paused = true)]
async fn an_act_that_is_put_off_gives_its_claim_back_at_once() {
    let (scene, told, app, event) = acting().await;
    *told.fence.lock().unwrap() = Some(Err(Failure::Later("not now".into())));
    assert_eq!(outcome_of(&app, &event).await, "deferred");
    assert_eq!(scene.mark("evt_1").await, None, "a fence claims nothing");
    told.next(Next::IsPutOff);
    assert_eq!(outcome_of(&app, &event).await, "deferred");
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!(
        (mark.state, mark.may_have_repeated),
        (MarkState::Released, false)
    );
    assert_eq!(outcome_of(&app, &event).await, "done");
    assert!(!told.acts()[1].may_have_repeated);
}

#[tokio::test(start_paused = true)]
async fn an_act_is_told_how_many_before_it_may_have_acted() {
    let (scene, told, app, event) = acting().await;
    told.next(Next::Fails {
        may_have_acted: true,
    });
    assert_eq!(outcome_of(&app, &event).await, "failed");
    // Another one dies with its claim.
    told.next(Next::Hangs);
    let second = Duration::from_secs(1);
    let dies = tokio::time::timeout(second, outcome_of(&app, &event)).await;
    assert!(dies.is_err());
    scene.clock.advance(Timings::PRODUCTION.lease);
    // Two cannot be parked: one that was refused has not acted, one without an answer may have.
    for parks in [Next::Parks, Next::ParksWithoutAnswer] {
        told.next(parks);
        scene.bus.next(NextPublish::Unavailable);
        assert_eq!(outcome_of(&app, &event).await, "failed");
    }
    told.next(Next::IsPutOff);
    assert_eq!(outcome_of(&app, &event).await, "deferred");
    told.next(Next::Parks);
    assert_eq!(outcome_of(&app, &event).await, "parked");
    assert_eq!(outcome_of(&app, &event).await, "done");
    assert_eq!(told.unanswered(), [0, 1, 2, 2, 3, 3, 3]);
    assert!(told.acts()[1..].iter().all(|it| it.may_have_repeated));
}

/// Delivered again without a person, the parked try counts like any other, under whatever message id.
#[tokio::test(start_paused = true)]
async fn only_a_redrive_has_an_act_tried_whatever_came_before() {
    let (_, told, app, event) = acting().await;
    told.next(Next::Fails {
        may_have_acted: true,
    });
    assert_eq!(outcome_of(&app, &event).await, "failed");
    let message = || Delivered::of(&event);
    let comes = [message(), message(), message().under("2")];
    for message in comes.into_iter().chain([message().redriven()]) {
        told.next(Next::ParksWithoutAnswer);
        assert_eq!(message.to(&app).await, "parked");
    }
    assert_eq!(told.unanswered(), [0, 1, 2, 3, 0]);
    // In any state of the mark: here one whose holder let go.
    told.next(Next::IsPutOff);
    assert_eq!(message().redriven().to(&app).await, "deferred");
    told.next(Next::IsPutOff);
    assert_eq!(outcome_of(&app, &event).await, "deferred");
    assert_eq!(message().redriven().to(&app).await, "done");
    assert_eq!(told.unanswered()[5..], [0, 5, 0]);
}

/// Sent without an answer, then refused and parked, then redriven: it may have happened twice.
#[tokio::test(start_paused = true)]
async fn a_parked_mark_does_not_forget_that_the_act_may_have_happened() {
    let (scene, told, app, event) = acting().await;
    told.next(Next::Fails {
        may_have_acted: true,
    });
    assert_eq!(outcome_of(&app, &event).await, "failed");
    told.next(Next::Parks);
    assert_eq!(outcome_of(&app, &event).await, "parked");
    assert!(scene.mark("evt_1").await.unwrap().may_have_repeated);
    assert_eq!(outcome_of(&app, &event).await, "done");
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!((mark.attempt, mark.may_have_repeated), (3, true));
    assert!(told.acts()[2].may_have_repeated);
}

/// The same where it is parked without a claim: a fence refuses it.
#[tokio::test(start_paused = true)]
async fn nor_does_a_mark_that_was_parked_by_a_fence() {
    let (scene, told, app, event) = acting().await;
    told.next(Next::Fails {
        may_have_acted: true,
    });
    assert_eq!(outcome_of(&app, &event).await, "failed");
    *told.fence.lock().unwrap() = Some(Err(Failure::Park {
        reason: "fenced_off",
        detail: "never".to_owned(),
    }));
    assert_eq!(outcome_of(&app, &event).await, "parked");
    assert!(scene.mark("evt_1").await.unwrap().may_have_repeated);
    assert_eq!(outcome_of(&app, &event).await, "done");
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!((mark.attempt, mark.may_have_repeated), (3, true));
}

#[tokio::test(start_paused = true)]
async fn each_type_of_a_consumer_has_an_effect_of_its_own() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    assert_eq!(
        consumer.handles().collect::<Vec<_>>(),
        ["user.created", "user.updated"]
    );
    assert_eq!(consumer.domains().len(), 1);
    let app = scene.of(consumer);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    assert_eq!(
        outcome_of(&app, &updated("evt_2", "usr_1", 2, "B")).await,
        "done"
    );
    assert_eq!(told.acts().len(), 2);
}

/// While an act is under way others are told to wait, also one that would park.
#[tokio::test(start_paused = true)]
async fn an_event_that_is_held_is_not_parked_beside_its_holder() {
    let scene = Scene::new().await;
    let ledger = Ledger::new(
        scene.documents.clone(),
        scene.clock.clone(),
        scene.ids.clone(),
        Timings::PRODUCTION,
    );
    let mut event = seen("evt_1");
    let data = created("evt_1", "usr_1").to_string();
    let received = fanout_events::Received {
        data: data.as_bytes(),
        message_id: "1",
        publish_time: Default::default(),
    };
    event.fingerprint = fanout_events::decode(&received).unwrap().fingerprint;
    let held = ledger.claim(&event, &[]).await.unwrap();
    let fanout_dedup::Standing::Open(claim) = held else {
        panic!("{held:?}");
    };
    let parks = super::effects::Planned::consumer(|_| {
        Err(Failure::Park {
            reason: "never",
            detail: "never".to_owned(),
        })
    });
    let app = scene.of(parks);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "busy");
    assert_eq!(scene.letters().len(), 0);
    let parking = Parking {
        message_id: "1",
        reason: "never",
        detail: "never",
    };
    let parked = ledger.parked(&claim, parking);
    fanout_store::Documents::commit(scene.documents.as_ref(), vec![parked])
        .await
        .unwrap();
    let app = Arc::new(app);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "parked");
    assert_eq!(scene.letters().len(), 0, "this very message lies there");
}
