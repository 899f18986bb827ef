//! Daily roots of many streams, in runs that do not come to their end.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use fanout_event_sourcing::{AUDIT_ROOTS, DailyRoots, KeepRootError};
use fanout_outbox::EventRow;
use fanout_store::{
    CommitError, CommitReceipt, Document, Documents, Fields, Key, Page, Query, StoreError, Value,
    Write, all_documents,
};
use fanout_store_sqlite::SqliteDocuments;
use tokio::sync::Notify;

use crate::jar::Command;
use crate::scene::{Scene, at};

/// More than are asked for at once.
const JARS: usize = 40;

/// A store that says nothing when it is asked for one stream's head, as long as there is such a one.
struct Silent {
    inner: Arc<SqliteDocuments>,
    about: Mutex<Option<String>>,
    /// It was asked for that head.
    reached: Notify,
    /// The streams whose heads it was asked for.
    asked: Mutex<Vec<Value>>,
}

#[async_trait]
impl Documents for Silent {
    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Document>>, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let stream = query.filters.iter().find(|it| it.field == "stream");
        if let Some(stream) = stream {
            self.asked.lock().unwrap().push(stream.value.clone());
            let about = self.about.lock().unwrap().clone();
            if about.is_some_and(|it| stream.value == Value::from(it.as_str())) {
                self.reached.notify_one();
                std::future::pending::<()>().await;
            }
        }
        self.inner.query(query).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<CommitReceipt, CommitError> {
        self.inner.commit(writes).await
    }
}

impl Silent {
    fn about(scene: &Scene, jar: &str) -> Arc<Self> {
        Arc::new(Self {
            inner: scene.documents.clone(),
            about: Mutex::new(Some(jar.to_owned())),
            reached: Notify::new(),
            asked: Mutex::default(),
        })
    }

    fn answers_again(&self) {
        *self.about.lock().unwrap() = None;
    }

    fn times_asked(&self, jar: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|it| **it == Value::from(jar)).count()
    }
}

async fn many() -> Scene {
    let jars: Vec<String> = (0..JARS).map(|jar| format!("jar-{jar:02}")).collect();
    let jars: Vec<(&str, i64)> = jars.iter().map(|jar| (jar.as_str(), 1)).collect();
    let scene = Scene::with(&jars).await;
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    scene
}

fn roots(scene: &Scene, documents: Arc<dyn Documents>) -> DailyRoots {
    DailyRoots::new(documents, scene.clock.clone(), "jar.made")
}

async fn kept(roots: &DailyRoots) -> Result<bool, KeepRootError> {
    roots.keep(DailyRoots::RUN_LIMIT).await
}

/// The days of the roots that are there.
async fn days(scene: &Scene) -> Vec<String> {
    let roots = all_documents(scene.documents.as_ref(), Query::of(AUDIT_ROOTS)).await;
    let roots = roots.unwrap();
    roots.iter().map(|root| root.key.id().to_owned()).collect()
}

#[tokio::test]
async fn a_run_that_is_cut_off_is_gone_on_with_by_the_next_and_the_root_is_the_same() {
    let scene = many().await;
    let store = Silent::about(&scene, "jar-39");
    let roots = roots(&scene, store.clone());
    tokio::select! {
        cut = kept(&roots) => panic!("{cut:?}"),
        () = store.reached.notified() => {}
    }
    assert_eq!(days(&scene).await, [""; 0]);
    store.answers_again();
    assert!(kept(&roots).await.unwrap());
    // At most so many heads were on their way when it was cut off.
    for jar in ["jar-00", "jar-07"] {
        assert_eq!(store.times_asked(jar), 1, "{jar}");
    }
    assert_eq!(store.times_asked("jar-39"), 2);
    let report = scene.verified().await;
    assert_eq!((report.roots, report.faults), (1, vec![]));
}

#[tokio::test]
async fn a_run_ends_at_its_limit_and_says_so_and_while_it_lasts_no_other_begins() {
    let scene = many().await;
    let store = Silent::about(&scene, "jar-05");
    let roots = roots(&scene, store.clone());
    let limit = Duration::from_millis(50);
    let (long, meanwhile) = tokio::join!(roots.keep(limit), kept(&roots));
    assert!(
        matches!(long, Err(KeepRootError::OutOfTime { .. })),
        "{long:?}"
    );
    assert!(!meanwhile.unwrap());
    assert!(store.times_asked("jar-05") <= 1);
    // At the end of the process it does not go on.
    roots.stop();
    assert!(!kept(&roots).await.unwrap());
    assert_eq!(days(&scene).await, [""; 0]);
}

#[tokio::test]
async fn days_that_were_missed_are_made_up_for_from_the_first_root_on() {
    let scene = Scene::with(&[("jar", 5)]).await;
    let documents = scene.documents.clone();
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    assert!(kept(&roots(&scene, documents.clone())).await.unwrap());
    scene.change("jar", Command::Change(1)).await.unwrap();
    // Nobody ticks for three midnights.
    scene.clock.set(at("2026-11-24T09:00:00Z"));
    scene.change("jar", Command::Change(1)).await.unwrap();
    assert!(kept(&roots(&scene, documents)).await.unwrap());
    let all = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"];
    assert_eq!(days(&scene).await, all);
    let report = scene.verified().await;
    assert_eq!((report.roots, report.faults), (4, vec![]));
}

#[tokio::test]
async fn a_head_that_is_not_what_was_stored_is_named_and_the_root_is_made_once_it_is() {
    let scene = Scene::with(&[("jar", 5), ("other", 5)]).await;
    scene.drained().await;
    let head = EventRow::key_of(&EventRow::lasting_id("jar", 2));
    let stored = scene.documents.get(&head).await.unwrap().unwrap().fields;
    let broken = Write::merge(head.clone(), Fields::new()).remove_field("lasting");
    scene.tamper(broken).await;
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    let roots = roots(&scene, scene.documents.clone());
    let named = kept(&roots).await;
    let Err(KeepRootError::Head { event_id, .. }) = named else {
        panic!("{named:?}");
    };
    assert_eq!(event_id, head.id());
    scene.tamper(Write::set(head, stored)).await;
    assert!(kept(&roots).await.unwrap());
    let report = scene.verified().await;
    assert_eq!((report.roots, report.faults), (1, vec![]));
}
