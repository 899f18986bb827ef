//! A store that fails in the middle of a run: what is published all the same, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanout_outbox::{OUTBOX_CURSORS, Outbox, RelayReport};
use fanout_store::{
    CommitError, CommitReceipt, Comparison, Document, Documents, Key, Page, Query, StoreError,
    Value, Write,
};
use fanout_testkit::{CommitHook, HookedCommit, HookedDocuments, Mood, captured_logs};
use tokio::time::{sleep, timeout};

use super::scene::{Scene, happened, published};

const MINUTE: Duration = Duration::from_secs(60);

/// Documents of which one shard of those that wait cannot be read, and none are read at once.
struct Unread {
    inner: Arc<dyn Documents>,
    shard: Option<Value>,
    reads_take: Duration,
}

#[async_trait]
impl Documents for Unread {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        sleep(self.reads_take).await;
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let mut filters = query.filters.iter();
        let of_it = filters.any(|filter| {
            let equal = filter.comparison == Comparison::Equal;
            filter.field == "waiting" && equal && Some(&filter.value) == self.shard.as_ref()
        });
        if of_it {
            return Err(StoreError::Refused("a value of a foreign kind".into()));
        }
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await
    }
}

impl Scene {
    /// The first event of each of these things, stored and not published.
    async fn stored_unpublished(&self, subjects: &[String]) {
        self.bus.turn(Mood::Down);
        for subject in subjects {
            self.stored(&self.outbox(), vec![happened(subject, 1)])
                .await;
        }
        self.bus.turn(Mood::Up);
    }

    /// An outbox that cannot read the shard in which the event of this thing waits.
    async fn outbox_without_the_shard_of(&self, subject: &str) -> Outbox {
        let row = self.row(subject, 1).await;
        self.outbox_over(Arc::new(Unread {
            inner: self.documents.clone(),
            shard: row.fields.get("waiting").cloned(),
            reads_take: Duration::ZERO,
        }))
    }
}

/// The numbers of the line that a run leaves.
fn relayed(logs: &str) -> serde_json::Value {
    let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let mut lines = logs.lines().map(line);
    let found = lines.find(|line| line["message"] == "outbox relayed");
    found.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_cannot_be_read_holds_up_no_other() {
    let scene = Scene::new().await;
    scene.outbox().relay().await.unwrap();
    let subjects: Vec<String> = (0..40).map(|number| format!("thing_{number}")).collect();
    scene.stored_unpublished(&subjects).await;
    // Beyond what cursors stay behind, and before the next run that looks at everything.
    scene.clock.advance(30 * MINUTE);
    let unread = scene.outbox_without_the_shard_of(&subjects[0]).await;
    let (answer, logs) = captured_logs(unread.relay()).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    let waiting = scene.waiting().await.len();
    assert!((1..20).contains(&waiting), "{waiting}");
    let relayed = relayed(&logs);
    assert_eq!(relayed["published"], 40 - waiting);
    assert_eq!(relayed["remaining"], 0, "as far as it could be read");
    // Nothing of the shard was seen, so its rows may be as old as its cursor: ten minutes behind the
    // first run.
    assert_eq!(relayed["oldest_age_seconds"], 40 * 60);

    scene.clock.advance(MINUTE);
    let repaired = scene.outbox().relay().await;
    assert_eq!(repaired.unwrap(), published(waiting as u64));
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn what_no_run_has_ever_read_may_wait_as_long_as_cursors_stay_behind() {
    let scene = Scene::new().await;
    scene.stored_unpublished(&["a".to_owned()]).await;
    let unread = scene.outbox_without_the_shard_of("a").await;
    let (answer, logs) = captured_logs(unread.relay()).await;
    assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
    assert_eq!(relayed(&logs)["oldest_age_seconds"], 10 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_cursors_cannot_be_kept_says_what_it_did() {
    struct NoCursors;
    #[async_trait]
    impl CommitHook for NoCursors {
        async fn before(&self, _: usize, writes: &[Write]) -> HookedCommit {
            if writes.iter().any(|write| write.key.is_in(OUTBOX_CURSORS)) {
                let broke = StoreError::Unavailable("the connection broke".into());
                return HookedCommit::Fails(broke.into());
            }
            HookedCommit::Made
        }
    }
    let scene = Scene::new().await;
    scene.stored_unpublished(&["a".to_owned()]).await;
    let documents = HookedDocuments::new(scene.documents.clone(), NoCursors);
    let outbox = scene.outbox_over(documents);
    let (answer, logs) = captured_logs(outbox.relay()).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    assert_eq!(relayed(&logs)["published"], 1);
    scene.assert_nothing_left().await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_off_while_it_keeps_its_cursors_has_said_what_it_did() {
    struct CursorsHang;
    #[async_trait]
    impl CommitHook for CursorsHang {
        async fn before(&self, _: usize, writes: &[Write]) -> HookedCommit {
            if writes.iter().any(|write| write.key.is_in(OUTBOX_CURSORS)) {
                std::future::pending::<()>().await;
            }
            HookedCommit::Made
        }
    }
    let scene = Scene::new().await;
    scene.stored_unpublished(&["a".to_owned()]).await;
    let outbox = scene.outbox_over(HookedDocuments::new(scene.documents.clone(), CursorsHang));
    let (cut, logs) = captured_logs(timeout(MINUTE, outbox.relay())).await;
    assert!(cut.is_err());
    assert_eq!(relayed(&logs)["published"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_run_begins_before_its_first_read() {
    let scene = Scene::new().await;
    scene.stored_unpublished(&["a".to_owned()]).await;
    let slow = scene.outbox_over(Arc::new(Unread {
        inner: scene.documents.clone(),
        shard: None,
        reads_take: Duration::from_secs(40),
    }));
    let expected = RelayReport {
        remaining: 1,
        ..RelayReport::default()
    };
    assert_eq!(slow.relay().await.unwrap(), expected);
}
