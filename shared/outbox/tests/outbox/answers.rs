//! How long an answer waits for the bus.

use std::time::Duration;

use fanout_outbox::{Origin, Outbox};
use fanout_testkit::{Mood, NextPublish, captured_logs};
use tokio::time::Instant;

use super::scene::{Scene, happened, places};

const TWO_SECONDS: Duration = Duration::from_secs(2);

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
async fn an_answer_waits_two_seconds_for_a_bus_that_hangs() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Silent);
    assert_eq!(answered_in(&scene, &outbox, "a").await, TWO_SECONDS);
    assert_eq!(answered_in(&scene, &outbox, "b").await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn for_ten_seconds_after_a_failure_no_answer_waits() {
    let ten = Duration::from_secs(10);
    let moment = Duration::from_millis(10);
    for (later, waits) in [(ten - moment, Duration::ZERO), (ten, TWO_SECONDS)] {
        let scene = Scene::new().await;
        let outbox = scene.outbox();
        scene.bus.turn(Mood::Down);
        assert_eq!(answered_in(&scene, &outbox, "a").await, Duration::ZERO);
        scene.bus.turn(Mood::Silent);
        tokio::time::sleep(later).await;
        assert_eq!(answered_in(&scene, &outbox, "b").await, waits);
    }
}

/// The publish that was not waited for is given up after 10 s; that is a failure, too.
#[tokio::test(start_paused = true)]
async fn an_answer_that_never_came_is_a_failure_when_it_is_given_up() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Silent);
    assert_eq!(answered_in(&scene, &outbox, "a").await, TWO_SECONDS);
    tokio::time::sleep(Duration::from_millis(17_990)).await;
    assert_eq!(answered_in(&scene, &outbox, "b").await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_takes_a_message_is_trusted_again_and_so_is_one_that_refuses_one() {
    for answer in [NextPublish::Taken, NextPublish::Refused] {
        let scene = Scene::new().await;
        let outbox = scene.outbox();
        let is_refused = matches!(answer, NextPublish::Refused);
        if !is_refused {
            scene.bus.next(NextPublish::Unavailable);
            answered_in(&scene, &outbox, "a").await;
        }
        scene.bus.next(answer);
        answered_in(&scene, &outbox, "b").await;
        scene.bus.turn(Mood::Silent);
        assert_eq!(answered_in(&scene, &outbox, "c").await, TWO_SECONDS);
    }
}

/// Holders leave leases behind all the time then, and the bus is not asked by each request.
#[tokio::test(start_paused = true)]
async fn while_the_bus_fails_a_request_takes_no_lease_over() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    answered_in(&scene, &outbox, "a").await;
    scene.bus.turn(Mood::Up);
    let storing = scene.stored(&outbox, vec![happened("a", 2)]);
    let (_, logs) = captured_logs(storing).await;
    assert!(
        logs.contains("not published yet: the bus has just failed"),
        "{logs}"
    );
    assert_eq!(scene.published(), []);
    tokio::time::sleep(Duration::from_secs(10)).await;
    scene.stored(&outbox, vec![happened("a", 3)]).await;
    assert_eq!(scene.published(), places("a", &[1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_event_says_nothing_of_the_bus() {
    let scene = Scene::new().await;
    let outbox = scene.outbox();
    scene.bus.turn(Mood::Down);
    answered_in(&scene, &outbox, "a").await;
    let (_, logs) = captured_logs(scene.stored(&outbox, Vec::new())).await;
    assert_eq!(logs, "");
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
