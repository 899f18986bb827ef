//! The bus takes messages and answers late, or is not heard at all, while relays run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use super::bus::Mood;
use super::service::{Service, on_every_store};
use crate::support::eventually;

const USERS: usize = 8;

/// Signs users up at once, and changes each twice; gives the sequences that each must publish.
async fn sign_up_and_change(service: &Arc<Service>) -> BTreeMap<String, Vec<u64>> {
    let users = (0..USERS).map(|number| {
        let service = Arc::clone(service);
        tokio::spawn(async move {
            let user = service.new_user(&format!("user{number}@example.com")).await;
            for version in 2..=3 {
                let name = json!({"name": format!("Name {version}")});
                assert_eq!(service.patch(&user, &name).await.status, StatusCode::OK);
            }
            (user, vec![1, 2, 3])
        })
    });
    let done = join_all(users).await.into_iter().map(Result::unwrap);
    done.collect()
}

/// Waits until the bus has been given this many messages.
async fn taken(service: &Service, messages: usize) {
    eventually("the bus has the messages", || async {
        (service.bus.messages().len() >= messages).then_some(())
    })
    .await;
}

async fn two_relays_leave_everything_alone(service: &Service) {
    let first = service.twin();
    let second = service.twin();
    for report in join_all([first.relay(), second.relay()]).await {
        assert_eq!(report["published"], 0, "{report}");
        assert_eq!(report["failed"], 0, "{report}");
    }
}

on_every_store! {
    /// Requests do not wait for the answer; the holder of the subject does.
    async fn an_answer_to_a_sign_up_that_comes_late_is_heard(service) {
        let service = Arc::new(service);
        service.bus.turn(Mood::Late);
        let expected = sign_up_and_change(&service).await;
        two_relays_leave_everything_alone(&service).await;
        assert_eq!(service.bus.messages().len(), USERS);
        service.bus.turn(Mood::Up);
        service.outbox.drain().await;
        // What was left to the holder has been published by it: no relay was needed.
        assert_eq!(service.bus.sequences(), expected);
        service.assert_outbox_empty().await;
    }

    async fn an_answer_to_a_relay_that_comes_late_is_heard(service) {
        let service = Arc::new(service);
        service.bus.turn(Mood::Refusing);
        let expected = sign_up_and_change(&service).await;
        service.outbox.drain().await;
        service.bus.turn(Mood::Late);
        let slow = service.twin();
        let slow = tokio::spawn(async move { slow.relay().await });
        taken(&service, USERS).await;
        two_relays_leave_everything_alone(&service).await;
        service.bus.turn(Mood::Up);
        assert_eq!(slow.await.unwrap()["published"], 3 * USERS);
        assert_eq!(service.bus.sequences(), expected);
        service.assert_outbox_empty().await;
    }

    /// Whether the bus has them is not known, so they wait for their leases, and then are sent again.
    async fn what_got_no_answer_is_sent_again_once_its_lease_has_run_out(service) {
        let service = Arc::new(service);
        service.bus.turn(Mood::AnswersLost);
        let expected = sign_up_and_change(&service).await;
        service.outbox.drain().await;
        two_relays_leave_everything_alone(&service).await;
        assert_eq!(service.bus.messages().len(), USERS);
        // A relay that takes the leases over is not answered either.
        let report = service.relay_later().await;
        assert_eq!((&report["published"], &report["failed"]), (&json!(0), &json!(USERS)));
        two_relays_leave_everything_alone(&service).await;
        assert_eq!(service.bus.messages().len(), 2 * USERS);
        service.bus.turn(Mood::Up);
        assert_eq!(service.relay_later().await["published"], 3 * USERS);
        assert_eq!(service.bus.first_sequences(), expected);
        assert!(service.bus.sequences().values().all(|all| *all == [1, 1, 1, 2, 3]));
        service.assert_outbox_empty().await;
    }

    /// A holder that is overtaken because its lease ran out repeats nothing and removes nothing of
    /// the other's.
    async fn a_lease_that_runs_out_under_a_late_answer_loses_nothing_and_keeps_the_order(service) {
        let service = Arc::new(service);
        service.bus.turn(Mood::Late);
        let expected = sign_up_and_change(&service).await;
        service.clock.advance(Duration::from_secs(61));
        let other = service.twin();
        let relay = tokio::spawn(async move { other.relay().await });
        taken(&service, 2 * USERS).await;
        service.bus.turn(Mood::Up);
        service.outbox.drain().await;
        let report: Value = relay.await.unwrap();
        assert_eq!(report["failed"], 0, "{report}");
        service.relay_later().await;
        assert_eq!(service.bus.first_sequences(), expected);
        assert!(service.bus.sequences().values().all(|all| *all == [1, 1, 2, 3]));
        assert_eq!(service.waiting().await, 0);
        service.assert_outbox_empty().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_take_its_publish_with_it() {
    let service = Arc::new(Service::new().await);
    service.bus.turn(Mood::Late);
    let caller = Arc::clone(&service);
    let request = tokio::spawn(async move { caller.sign_up("ada@example.com").await });
    taken(&service, 1).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    service.bus.turn(Mood::Up);
    service.outbox.drain().await;
    assert_eq!(service.bus.messages().len(), 1);
    service.assert_outbox_empty().await;
}

#[tokio::test]
async fn a_relay_that_is_to_stop_finishes_the_row_that_is_under_way_and_begins_no_other() {
    let service = Arc::new(Service::new().await);
    service.bus.turn(Mood::Refusing);
    let expected = sign_up_and_change(&service).await;
    service.outbox.drain().await;
    service.bus.turn(Mood::Late);
    let stopping = Arc::new(service.twin());
    let runs = Arc::clone(&stopping);
    let run = tokio::spawn(async move { runs.relay().await });
    taken(&service, USERS).await;
    stopping.outbox.stop_relaying();
    service.bus.turn(Mood::Up);
    assert_eq!(run.await.unwrap()["published"], USERS);
    assert_eq!(stopping.relay().await["published"], 0, "for good");
    // Nothing is held, so that the next process goes on at once.
    assert_eq!(service.relay().await["published"], 2 * USERS);
    assert_eq!(service.bus.sequences(), expected);
    service.assert_outbox_empty().await;
}
