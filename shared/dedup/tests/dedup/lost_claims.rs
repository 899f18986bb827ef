//! A claim whose answer was lost, over a store that cannot be read at once either.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fanout_dedup::{LedgerError, MarkState};
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};

use super::scene::{Scene, granted, seen};

/// Makes every commit without an answer, and fails this many reads.
struct Breaks {
    inner: Arc<dyn Documents>,
    unread: AtomicUsize,
}

fn broke() -> StoreError {
    StoreError::Unavailable("the connection broke".into())
}

#[async_trait]
impl Documents for Breaks {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        let less = |unread: usize| unread.checked_sub(1);
        let order = Ordering::SeqCst;
        match self.unread.fetch_update(order, order, less) {
            Ok(_) => Err(broke()),
            Err(_) => self.inner.get_many(keys).await,
        }
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await?;
        Err(broke().into())
    }
}

impl Scene {
    fn breaking(&self, reads: usize) -> fanout_dedup::Ledger {
        self.over(Arc::new(Breaks {
            inner: self.documents.clone(),
            unread: AtomicUsize::new(reads),
        }))
    }
}

/// Left to its lease, it would count as one whose holder may have acted.
#[tokio::test(start_paused = true)]
async fn whose_a_claim_is_is_asked_again_when_the_store_fails() {
    for reads in [1, 2] {
        let scene = Scene::new().await;
        let claim = granted(&scene.breaking(reads)).await;
        scene
            .ledger()
            .release(&claim, false, Vec::new())
            .await
            .unwrap();
        let mark = scene.mark(&seen("evt_1")).await.unwrap();
        let known = (mark.may_have_repeated, mark.unanswered);
        assert_eq!((mark.state, known), (MarkState::Released, (false, 0)));
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_not_asked_for_ever() {
    let scene = Scene::new().await;
    let answer = scene.breaking(usize::MAX).claim(&seen("evt_1"), &[]).await;
    assert!(matches!(answer, Err(LedgerError::Store(_))), "{answer:?}");
    let mark = scene.mark(&seen("evt_1")).await.unwrap();
    assert_eq!(mark.state, MarkState::Processing, "it is left to its lease");
}
