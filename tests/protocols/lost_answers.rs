//! A store that does not answer leaves open whether it wrote. The pipeline finds out, or lets the
//! delivery come again; it never acts on a guess.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fanout_dedup::MarkState;
use fanout_runtime::Timings;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use tokio::sync::Semaphore;

use super::delivered::outcome_of;
use super::mailbox::Mailbox;
use super::scene::{Scene, created};

/// Answers one commit, the n-th from 1, with an error.
struct LosesOneAnswer {
    inner: Arc<dyn Documents>,
    commit: usize,
    /// Whether the commit takes effect all the same.
    takes_effect: bool,
    commits: AtomicUsize,
    /// The error comes when there is a permit.
    error_may_come: Semaphore,
}

impl LosesOneAnswer {
    fn new(scene: &Scene, commit: usize, takes_effect: bool) -> Arc<Self> {
        Arc::new(Self {
            inner: scene.documents.clone(),
            commit,
            takes_effect,
            commits: AtomicUsize::new(0),
            error_may_come: Semaphore::new(1),
        })
    }
}

#[async_trait]
impl Documents for LosesOneAnswer {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        if self.commits.fetch_add(1, Ordering::Relaxed) + 1 != self.commit {
            return self.inner.commit(writes).await;
        }
        if self.takes_effect {
            self.inner.commit(writes).await?;
        }
        self.error_may_come.acquire().await.unwrap().forget();
        Err(StoreError::Unavailable("the connection broke".into()).into())
    }
}

#[tokio::test]
async fn an_effect_in_the_store_comes_again_and_is_known() {
    for takes_effect in [true, false] {
        let scene = Scene::new().await;
        let unsteady = LosesOneAnswer::new(&scene, 1, takes_effect);
        let analytics = analytics_service::app(scene.deps_over(unsteady), Default::default());
        let event = created("evt_1", "usr_1");
        assert_eq!(outcome_of(&analytics, &event).await, "failed");
        let then = if takes_effect { "duplicate" } else { "done" };
        assert_eq!(outcome_of(&analytics, &event).await, then);
        assert_eq!(scene.documents.writes_to(analytics_service::SIGNUPS), 1);
    }
}

#[tokio::test]
async fn a_claim_without_an_answer_is_ours_if_the_mark_says_so() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email_over(LosesOneAnswer::new(&scene, 1, true), mailbox.clone());
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&email, &event).await, "done");
    assert_eq!(mailbox.sent().len(), 1);
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.attempt, mark.may_have_repeated), (1, false));
}

#[tokio::test]
async fn a_claim_that_was_not_made_is_not_acted_on() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let email = scene.email_over(LosesOneAnswer::new(&scene, 1, false), mailbox.clone());
    let event = created("evt_1", "usr_1");
    assert_eq!(outcome_of(&email, &event).await, "failed");
    assert!(mailbox.sent().is_empty());
    assert_eq!(outcome_of(&email, &event).await, "done");
    assert_eq!(mailbox.sent().len(), 1);
}

#[tokio::test]
async fn a_completion_without_an_answer_is_tried_again_and_recognised() {
    for takes_effect in [true, false] {
        let scene = Scene::new().await;
        let mailbox = Mailbox::new();
        let unsteady = LosesOneAnswer::new(&scene, 2, takes_effect);
        let email = scene.email_over(unsteady, mailbox.clone());
        let event = created("evt_1", "usr_1");
        assert_eq!(outcome_of(&email, &event).await, "done");
        let mark = scene.mark("email", "evt_1").await.unwrap();
        assert_eq!((mark.state, mark.attempt), (MarkState::Done, 1));
        assert!(!mark.may_have_repeated);
        assert_eq!(mailbox.sent().len(), 1);
        assert_eq!(outcome_of(&email, &event).await, "duplicate");
    }
}

#[tokio::test]
async fn the_mark_of_a_successor_is_not_taken_for_our_own() {
    let scene = Scene::new().await;
    let mailbox = Mailbox::new();
    let unsteady = LosesOneAnswer::new(&scene, 2, false);
    let permit = unsteady.error_may_come.acquire().await.unwrap();
    let late = scene.email_over(unsteady.clone(), mailbox.clone());
    let event = created("evt_1", "usr_1");
    let late = tokio::spawn({
        let event = event.clone();
        async move { outcome_of(&late, &event).await }
    });
    mailbox.has_sent(1).await;
    // While its completion hangs, the lease ends and somebody takes over and completes.
    scene.clock.advance(Timings::PRODUCTION.lease);
    let email = scene.email(mailbox.clone());
    assert_eq!(outcome_of(&email, &event).await, "done");
    drop(permit);

    assert_eq!(late.await.unwrap(), "failed", "not acked");
    let mark = scene.mark("email", "evt_1").await.unwrap();
    assert_eq!((mark.state, mark.attempt), (MarkState::Done, 2));
    assert!(mark.may_have_repeated);
    assert_eq!(outcome_of(&email, &event).await, "duplicate");
}
