//! `Idempotency-Key`: what is asked twice takes effect once.

use async_trait::async_trait;
use fanout_store::{CommitError, Write};
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments};
use serde_json::json;

use crate::scene::{Scene, slug};

#[tokio::test]
async fn a_repeat_gets_the_first_answer_whatever_came_between() {
    let scene = Scene::new().await;
    let other = scene.open("bob").await;
    let opening = json!({"owner": "alice", "currency": "USD"});
    let opened = scene
        .post_with("/accounts", opening.clone(), Some("open"))
        .await;
    let id = opened.1["id"].as_str().unwrap().to_owned();
    let calls = [
        (
            format!("/accounts/{id}/deposits"),
            json!({"amount": "10.00"}),
        ),
        (
            "/transfers".to_owned(),
            json!({"from": id, "to": other, "amount": 4}),
        ),
        (format!("/accounts/{id}/reversals"), json!({"sequence": 2})),
        (
            format!("/accounts/{id}/withdrawals"),
            json!({"amount": "6.00"}),
        ),
        (format!("/accounts/{id}/close"), json!({})),
    ];
    let mut answers = Vec::new();
    for (number, (path, body)) in calls.iter().enumerate() {
        let key = format!("key-{number}");
        answers.push(scene.post_with(path, body.clone(), Some(&key)).await);
    }
    // The reversal found too little, so it was judged anew: only what was done is remembered.
    assert_eq!(answers[2].0, 422);
    let events = scene.verified().await.events;
    for (number, (path, body)) in calls.iter().enumerate() {
        let key = format!("key-{number}");
        let again = scene.post_with(path, body.clone(), Some(&key)).await;
        if number == 2 {
            assert_eq!(slug(&again), (422, "account_closed"));
        } else {
            assert_eq!(again, answers[number], "{path}");
            assert_eq!(again.0, 201);
        }
    }
    let again = scene.post_with("/accounts", opening, Some("open")).await;
    assert_eq!(again, opened);
    assert_eq!(scene.verified().await.events, events, "nothing twice");
    let another = scene
        .post_with(&calls[0].0, json!({"amount": "10.01"}), Some("key-0"))
        .await;
    assert_eq!(slug(&another), (422, "idempotency_key_reused"));
    let unusable = scene
        .post_with(&calls[0].0, json!({"amount": 1}), Some(""))
        .await;
    assert_eq!(slug(&unusable), (400, "invalid_idempotency_key"));
}

/// What happens to the commit of this number.
struct At(usize, fn() -> HookedCommit);

#[async_trait]
impl CommitHook for At {
    async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
        if number == self.0 {
            (self.1)()
        } else {
            HookedCommit::Made
        }
    }
}

#[tokio::test]
async fn whatever_becomes_of_a_commit_the_repeat_makes_it_once() {
    let busy: fn() -> HookedCommit = || HookedCommit::Fails(CommitError::Contention("busy".into()));
    let away: fn() -> HookedCommit =
        || HookedCommit::Fails(fanout_store::StoreError::Unavailable("away".into()).into());
    for (fault, first) in [(busy, 201), (away, 503), (|| HookedCommit::AnswerLost, 503)] {
        let scene = Scene::new().await;
        let (id, other) = (scene.open("alice").await, scene.open("bob").await);
        scene.deposit(&id, "10").await;
        scene.drained().await;
        let failing = scene.over(HookedDocuments::new(scene.documents.clone(), At(1, fault)));
        let body = json!({"from": id, "to": other, "amount": "7"});
        let answer = failing
            .post_with("/transfers", body.clone(), Some("k"))
            .await;
        assert_eq!(answer.0, first, "{}", answer.1);
        for _ in 0..2 {
            let again = scene.post_with("/transfers", body.clone(), Some("k")).await;
            assert_eq!(again.0, 201, "{}", again.1);
        }
        assert_eq!(scene.balance(&id, "").await, "3.00");
        assert_eq!(scene.balance(&other, "").await, "7.00");
        assert_eq!(scene.verified().await.faults, []);
    }
}
