//! Two writers at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fanout_event_sourcing::{ExecuteError, Ledger, verify};
use fanout_outbox::{EVENTS, Origin};
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Key, Page, Query, StoreError, Write,
};
use fanout_testkit::{CommitHook, CountingDocuments, HookedCommit, HookedDocuments};
use futures_util::future::join_all;

use crate::jar::{Command, Jar, NotSoMuch};
use crate::scene::{Scene, change};

/// Before each of the first so many commits, another writer does the same.
struct Rival {
    ledger: Ledger,
    jar: &'static str,
    command: Command,
    times: usize,
}

#[async_trait]
impl CommitHook for Rival {
    async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
        if number <= self.times {
            let rival = change(&self.ledger, self.jar, self.command).await;
            assert!(rival.is_ok() || matches!(rival, Err(ExecuteError::Refused(NotSoMuch))));
        }
        HookedCommit::Made
    }
}

fn against(scene: &Scene, jar: &'static str, command: Command, times: usize) -> Ledger {
    let rival = Rival {
        ledger: scene.ledger.clone(),
        jar,
        command,
        times,
    };
    scene.ledger_over(HookedDocuments::new(scene.documents.clone(), rival))
}

#[tokio::test]
async fn who_finds_the_place_taken_decides_again_on_what_is_there_now() {
    let scene = Scene::with(&[("jar", 100)]).await;
    let slow = against(&scene, "jar", Command::Change(-80), 1);
    let second = change(&slow, "jar", Command::Change(-80)).await;
    assert!(matches!(second, Err(ExecuteError::Refused(NotSoMuch))));
    assert_eq!(scene.level("jar").await, 20);
    let both = against(&scene, "jar", Command::Change(-5), 1);
    let second = change(&both, "jar", Command::Change(-15)).await.unwrap();
    assert_eq!((second.state.level, second.sequence), (0, 5));
    assert_eq!(scene.verified().await.faults, []);
}

#[tokio::test]
async fn who_is_too_late_five_times_gives_up_and_has_stored_nothing() {
    let scene = Scene::with(&[("jar", 0)]).await;
    let unlucky = against(&scene, "jar", Command::Change(1), usize::MAX);
    let given_up = change(&unlucky, "jar", Command::Change(1_000)).await;
    assert!(matches!(given_up, Err(ExecuteError::Contended)));
    assert_eq!(scene.level("jar").await, 5);
}

#[tokio::test]
async fn both_sides_are_one_commit_also_when_one_of_them_has_to_be_decided_again() {
    for contended in ["from", "to"] {
        let scene = Scene::with(&[("from", 100), ("to", 0)]).await;
        let slow = against(&scene, contended, Command::Change(7), 1);
        let (out, into) = (Command::Change(-60), Command::Change(60));
        let sides = [("from", &out), ("to", &into)];
        let beside = |_: &_| Vec::new();
        slow.execute_all::<Jar, 2>(sides, &beside, &Origin::default())
            .await
            .unwrap();
        let sum = scene.level("from").await + scene.level("to").await;
        assert_eq!(sum, 107, "{contended}");
        assert_eq!(scene.verified().await.faults, []);
        // There is not as much left: neither side happens.
        let again = slow
            .execute_all::<Jar, 2>(sides, &beside, &Origin::default())
            .await;
        assert!(matches!(again, Err(ExecuteError::Refused(NotSoMuch))));
        assert_eq!(scene.level("from").await + scene.level("to").await, 107);
    }
}

/// Looks at every commit.
struct Watching;

#[async_trait]
impl CommitHook for Watching {
    async fn before(&self, _: usize, writes: &[Write]) -> HookedCommit {
        let is_new = |write: &&Write| write.precondition == fanout_store::Precondition::Absent;
        let rows = writes
            .iter()
            .filter(|it| it.key.is_in(EVENTS))
            .filter(is_new);
        assert!([0, 2].contains(&rows.count()), "one side alone");
        HookedCommit::Made
    }
}

#[tokio::test]
async fn no_side_is_ever_stored_alone() {
    let scene = Scene::with(&[("from", 100), ("to", 0)]).await;
    let ledger = scene.ledger_over(HookedDocuments::new(scene.documents.clone(), Watching));
    let (out, into) = (Command::Change(-1), Command::Change(1));
    for _ in 0..10 {
        let sides = [("from", &out), ("to", &into)];
        let origin = Origin::default();
        let both = ledger.execute_all::<Jar, 2>(sides, &|_| Vec::new(), &origin);
        both.await.unwrap();
    }
    assert_eq!(
        (scene.level("from").await, scene.level("to").await),
        (90, 10)
    );
}

#[tokio::test]
async fn a_stream_is_not_read_again_by_the_process_that_appended_to_it_last() {
    let scene = Scene::with(&[("jar", 10)]).await;
    let counting = CountingDocuments::new(scene.documents.clone());
    let (ledger, outbox) = scene.instance_over(counting.clone());
    for (reads, level) in [(1, 9), (0, 8), (0, 7)] {
        let done = change(&ledger, "jar", Command::Change(-1)).await.unwrap();
        assert_eq!(done.state.level, level);
        outbox.drain().await;
        assert_eq!(counting.take_calls().queries, reads, "{level}");
    }
}

#[tokio::test]
async fn what_another_process_has_appended_counts_also_where_the_stream_is_remembered() {
    let scene = Scene::with(&[("jar", 10)]).await;
    let other = scene.ledger_over(scene.documents.clone());
    change(&other, "jar", Command::Change(90)).await.unwrap();
    // Too much for what is remembered, not for what there is.
    let taken = scene.change("jar", Command::Change(-60)).await.unwrap();
    assert_eq!((taken.state.level, taken.sequence), (40, 4));
    // The other way round.
    let too_much = change(&other, "jar", Command::Change(-50)).await;
    assert!(matches!(too_much, Err(ExecuteError::Refused(NotSoMuch))));
    let taken = change(&other, "jar", Command::Change(-40)).await.unwrap();
    assert_eq!((taken.state.level, taken.sequence), (0, 5));
    assert_eq!(scene.verified().await.faults, []);
}

/// Before the query for the last event of a stream, which comes after the events were read, so many
/// are appended, the first so many times.
struct Running {
    scene: Scene,
    appends: usize,
    times: AtomicUsize,
}

#[async_trait]
impl Documents for Running {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.scene.documents.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let is_of_stream = query.filters.iter().any(|it| it.field == "stream");
        if is_of_stream && self.times.load(Ordering::SeqCst) > 0 {
            self.times.fetch_sub(1, Ordering::SeqCst);
            for _ in 0..self.appends {
                let appended = self.scene.change("jar", Command::Change(1)).await;
                appended.unwrap();
            }
        }
        self.scene.documents.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.scene.documents.commit(writes).await
    }
}

#[tokio::test]
async fn what_is_appended_while_it_is_verified_is_read_and_no_fault() {
    // None of the batches is full, one of them is, and the last one is full and nothing follows.
    for (appends, times) in [(1, 3), (150, 1), (100, 1)] {
        let scene = Scene::with(&[("jar", 5)]).await;
        let documents = Running {
            scene,
            appends,
            times: AtomicUsize::new(times),
        };
        let report = verify::<Jar>(&documents, None).await.unwrap();
        assert_eq!(report.faults, [], "{appends}");
        assert_eq!(report.events, (2 + appends * times) as u64);
    }
}

#[tokio::test]
async fn many_writers_take_no_more_out_than_there_is() {
    let scene = Scene::with(&[("jar", 30)]).await;
    let takers = (0..16).map(|_| scene.change("jar", Command::Change(-4)));
    let taken = join_all(takers).await;
    let done = taken.iter().filter(|it| it.is_ok()).count() as i64;
    assert!((1..=7).contains(&done), "{done}");
    assert_eq!(scene.level("jar").await, 30 - 4 * done);
    assert_eq!(scene.verified().await.faults, []);
}

#[tokio::test]
async fn a_store_that_is_contended_or_away_leaves_no_half_of_anything() {
    struct Failing(usize);

    #[async_trait]
    impl CommitHook for Failing {
        async fn before(&self, number: usize, _: &[Write]) -> HookedCommit {
            match self.0 {
                0 if number == 1 => HookedCommit::AnswerLost,
                1 if number == 1 => HookedCommit::Fails(CommitError::Contention("busy".into())),
                _ => HookedCommit::Made,
            }
        }
    }
    let scene = Scene::with(&[("jar", 10)]).await;
    let lost = scene.ledger_over(HookedDocuments::new(scene.documents.clone(), Failing(0)));
    let lost = change(&lost, "jar", Command::Change(1)).await;
    assert!(
        matches!(lost, Err(ExecuteError::Store(_))),
        "it may be stored: the caller asks"
    );
    assert_eq!(scene.level("jar").await, 11);
    let busy = scene.ledger_over(HookedDocuments::new(scene.documents.clone(), Failing(1)));
    change(&busy, "jar", Command::Change(1)).await.unwrap();
    assert_eq!(scene.level("jar").await, 12);
    assert_eq!(scene.verified().await.faults, []);
}
