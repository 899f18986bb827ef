//! The order guard: a contact ends at the user's last state, in whatever order events come.

use axum::body::{Body, to_bytes};
use fanout_dedup::MarkState;
use http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::delivered::outcome_of;
use super::meanwhile::{Meanwhile, Moment};
use super::scene::{Scene, created, deleted, updated};

async fn contact(crm: &axum::Router) -> Option<Value> {
    let request = Request::get("/contacts/usr_1").body(Body::empty()).unwrap();
    let answer = crm.clone().oneshot(request).await.unwrap();
    if answer.status() == StatusCode::NOT_FOUND {
        return None;
    }
    let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
    Some(serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn an_older_sequence_is_stale_and_marked() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    let third = updated("evt_3", "usr_1", 3, "Third");
    let second = updated("evt_2", "usr_1", 2, "Second");
    let first = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&crm, &third).await, "done");
    for (id, event) in [("evt_2", &second), ("evt_1", &first)] {
        assert_eq!(outcome_of(&crm, event).await, "stale");
        let mark = scene.mark("crm", id).await.unwrap();
        assert_eq!(mark.state, MarkState::Done);
        assert_eq!(mark.outcome.as_deref(), Some("stale"));
        assert_eq!(outcome_of(&crm, event).await, "duplicate");
    }
    let contact = contact(&crm).await.unwrap();
    assert_eq!(
        (&contact["name"], &contact["version"]),
        (&"Third".into(), &3.into())
    );
    assert_eq!(
        (&contact["first_event_id"], &contact["last_event_id"]),
        (&"evt_1".into(), &"evt_3".into())
    );
}

/// Nobody numbers events that are typed by hand: of those the youngest counts, whichever comes last.
#[tokio::test]
async fn of_two_events_of_one_sequence_the_younger_counts_and_the_other_is_stale() {
    let mut older = created("evt_2", "usr_1");
    older["timestamp"] = "2026-11-20T11:00:00Z".into();
    let younger = updated("evt_1", "usr_1", 1, "Younger");
    for (first, second, then) in [(&older, &younger, "done"), (&younger, &older, "stale")] {
        let scene = Scene::new().await;
        let crm = scene.crm();
        assert_eq!(outcome_of(&crm, first).await, "done");
        assert_eq!(outcome_of(&crm, second).await, then);
        let contact = contact(&crm).await.unwrap();
        assert_eq!(
            (&contact["name"], &contact["version"]),
            (&"Younger".into(), &1.into())
        );
        assert_eq!(contact["first_event_id"], "evt_2");
    }
}

#[tokio::test]
async fn a_tombstone_lets_no_late_event_bring_the_user_back() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    // The deletion may even be the first that is heard of a user.
    assert_eq!(
        outcome_of(&crm, &deleted("evt_3", "usr_1", 3)).await,
        "done"
    );
    assert_eq!(contact(&crm).await, None);
    let late = [
        updated("evt_2", "usr_1", 2, "Second"),
        created("evt_1", "usr_1"),
    ];
    for event in late {
        assert_eq!(outcome_of(&crm, &event).await, "stale");
        assert_eq!(contact(&crm).await, None);
    }
}

/// An older event has read the contact; then a younger one is applied. What was read is outdated.
#[tokio::test]
async fn an_older_event_that_is_committed_after_a_younger_one_does_not_undo_it() {
    let scene = Scene::new().await;
    let crm = scene.crm();
    assert_eq!(outcome_of(&crm, &created("evt_1", "usr_1")).await, "done");
    let documents = Meanwhile::new(
        scene.documents.clone(),
        Moment::BeforeACommitTo(crm_service::CONTACTS),
        crm.clone(),
        updated("evt_3", "usr_1", 3, "Third"),
    );
    let late = crm_service::app(scene.deps_over(documents.clone()));
    let second = updated("evt_2", "usr_1", 2, "Second");
    assert_eq!(outcome_of(&late, &second).await, "stale");
    assert!(documents.happened());
    assert_eq!(contact(&crm).await.unwrap()["name"], "Third");
}

#[tokio::test]
async fn every_order_of_a_users_life_ends_the_same() {
    let life = [
        created("evt_1", "usr_1"),
        updated("evt_2", "usr_1", 2, "Second"),
        updated("evt_3", "usr_1", 3, "Third"),
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let scene = Scene::new().await;
        let crm = scene.crm();
        let deliveries = order.map(|index| outcome_of(&crm, &life[index]));
        let at_once = order[0] == 1;
        if at_once {
            futures_util::future::join_all(deliveries).await;
        } else {
            for delivery in deliveries {
                delivery.await;
            }
        }
        assert_eq!(contact(&crm).await.unwrap()["name"], "Third", "{order:?}");
        let gone = deleted("evt_4", "usr_1", 4);
        assert_eq!(outcome_of(&crm, &gone).await, "done", "{order:?}");
        assert_eq!(contact(&crm).await, None, "{order:?}");
    }
}
