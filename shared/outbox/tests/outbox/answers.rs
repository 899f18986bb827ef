//! How long an answer waits for the bus.

use std::time::Duration;

use fanout_outbox::{Origin, Outbox};
use fanout_testkit::{Mood, captured_logs};
use tokio::time::Instant;

use super::scene::{Scene, happened, places};

/// How long a request that stores an event of its own takes.
async fn answered_in(scene: &Scene, outbox: &Outbox, subject: &str) -> Duration {
    let started = Instant::now();
    let events = vec![happened(subject, 1)];
    let origin = Origin::default();
    let storing = outbox.store(Vec::new(), events, &origin);
    storing.await.unwrap();
    let took = started.elapsed();
    scene.settled().await;
    took
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_two_seconds_and_then_ten_seconds_long_not_at_all() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Silent);
    let two = Duration::from_secs(2);
    assert_eq!(answered_in(&scene, &outbox, "a").await, two);
    assert_eq!(answered_in(&scene, &outbox, "b").await, Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(9_990)).await;
    assert_eq!(answered_in(&scene, &outbox, "c").await, Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(
        answered_in(&scene, &outbox, "d").await,
        two,
        "one of them tries"
    );
    assert_eq!(answered_in(&scene, &outbox, "e").await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_fails_at_once_is_not_waited_for_either_until_it_works_again() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    assert_eq!(answered_in(&scene, &outbox, "a").await, Duration::ZERO);
    scene.bus.turn(Mood::Silent);
    assert_eq!(answered_in(&scene, &outbox, "b").await, Duration::ZERO);
    scene.bus.turn(Mood::Up);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(answered_in(&scene, &outbox, "c").await, Duration::ZERO);
    scene.bus.turn(Mood::Silent);
    let two = Duration::from_secs(2);
    assert_eq!(
        answered_in(&scene, &outbox, "d").await,
        two,
        "it is trusted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_not_wait_publishes_all_the_same() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    answered_in(&scene, &outbox, "a").await;
    scene.bus.turn(Mood::Up);
    answered_in(&scene, &outbox, "b").await;
    assert_eq!(scene.published(), places("b", &[1]));
}

/// The line's holder publishes it; whether the bus is well is not known by that.
#[tokio::test(start_paused = true)]
async fn a_request_that_leaves_its_event_to_the_holder_does_not_wait_for_it() {
    let scene = Scene::new().await;
    let _never = scene.bus.answer_the_next_late();
    let (first, second) = (scene.outbox(), scene.outbox());
    assert_eq!(
        answered_in(&scene, &first, "a").await,
        Duration::from_secs(2)
    );
    let started = Instant::now();
    scene.stored(&second, vec![happened("a", 2)]).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_the_request_is_heard() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    let answer = scene.bus.answer_the_next_late();
    let (_, logs) = captured_logs(answered_in(&scene, &outbox, "a")).await;
    assert!(logs.contains("\"message\":\"not published yet"), "{logs}");
    assert!(logs.contains("\"limit_ms\":2000"), "{logs}");
    answer.send(true).unwrap();
    outbox.drain().await;
    assert_eq!(scene.published(), places("a", &[1]));
    scene.assert_nothing_left().await;
}
