//! Copies of daily roots, out of reach of who writes to the database.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::NaiveDate;
use fanout_event_sourcing::{
    AUDIT_ROOTS, CopyError, DailyRoots, Fault, KeepRootError, RootCopies, verify_with_copies,
};
use fanout_outbox::EventRow;
use fanout_runtime::Clock as _;
use fanout_store::{Documents as _, Fields, Key, Write};

use crate::jar::{Command, Jar};
use crate::scene::{Scene, at};

/// A place that is away for so many calls.
#[derive(Default)]
struct Place {
    kept: Mutex<BTreeMap<NaiveDate, String>>,
    asked: Mutex<Vec<NaiveDate>>,
    away_for: Mutex<usize>,
}

#[async_trait]
impl RootCopies for Place {
    async fn keep(&self, day: NaiveDate, root: &str) -> Result<bool, CopyError> {
        self.asked.lock().unwrap().push(day);
        let mut away = self.away_for.lock().unwrap();
        if *away > 0 {
            *away -= 1;
            return Err(CopyError::Unavailable("away".into()));
        }
        let mut kept = self.kept.lock().unwrap();
        let is_new = !kept.contains_key(&day);
        kept.entry(day).or_insert_with(|| root.to_owned());
        Ok(is_new)
    }
}

impl Place {
    fn all(&self) -> BTreeMap<NaiveDate, String> {
        self.kept.lock().unwrap().clone()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn roots(scene: &Scene, place: &Arc<Place>) -> DailyRoots {
    let (documents, clock) = (scene.documents.clone(), scene.clock.clone());
    DailyRoots::new(documents, clock, "jar.made").copied_to(place.clone())
}

async fn faults(scene: &Scene, place: &Place) -> Vec<Fault> {
    let copies = place.all();
    let documents = scene.documents.as_ref();
    let report = verify_with_copies::<Jar>(documents, &copies).await;
    report.unwrap().faults
}

#[tokio::test]
async fn a_root_is_copied_once_and_one_that_was_not_is_copied_on_a_later_day() {
    let (scene, place) = (Scene::with(&[("jar", 5)]).await, Arc::<Place>::default());
    *place.away_for.lock().unwrap() = 2;
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    let keeping = roots(&scene, &place);
    for _ in 0..2 {
        let kept = keeping.keep(DailyRoots::RUN_LIMIT).await;
        assert!(matches!(kept, Err(KeepRootError::Copy(_))), "{kept:?}");
    }
    // Another process, the day after.
    scene.clock.set(at("2026-11-22T00:10:00Z"));
    let keeping = roots(&scene, &place);
    assert!(keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    assert!(!keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    let first = day("2026-11-20");
    let asked = [first, first, day("2026-11-21"), first];
    assert_eq!(*place.asked.lock().unwrap(), asked);
    assert_eq!(faults(&scene, &place).await, []);
}

#[tokio::test]
async fn a_history_that_was_written_anew_with_its_roots_is_found_by_the_copies() {
    let (scene, place) = (Scene::with(&[("jar", 5)]).await, Arc::<Place>::default());
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    assert!(
        roots(&scene, &place)
            .keep(DailyRoots::RUN_LIMIT)
            .await
            .unwrap()
    );
    // The last event is gone, and the day has a new root that knows nothing of it.
    let last = EventRow::key_of(&EventRow::lasting_id("jar", 2));
    scene.tamper(Write::delete(last)).await;
    let root = Key::new(AUDIT_ROOTS, "2026-11-20");
    scene.tamper(Write::delete(root.clone())).await;
    let unseen = Arc::<Place>::default();
    assert!(
        roots(&scene, &unseen)
            .keep(DailyRoots::RUN_LIMIT)
            .await
            .unwrap()
    );
    assert_eq!(scene.verified().await.faults, []);
    let date = "2026-11-20".to_owned();
    assert_eq!(faults(&scene, &place).await, [Fault::Copy { date }]);
    // A root that is not there at all is missed, too.
    scene.tamper(Write::delete(root)).await;
    assert_eq!(faults(&scene, &place).await.len(), 1);
}

#[tokio::test]
async fn what_the_database_says_of_a_copy_counts_for_nothing() {
    let (scene, place) = (Scene::with(&[("jar", 5)]).await, Arc::<Place>::default());
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    let keeping = roots(&scene, &place);
    assert!(keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    // Somebody writes the next day's root before the ticker does, and that it has been copied.
    let forged = Fields::new()
        .with("root", "00")
        .with("streams", 1_u64)
        .with("copied_at", scene.clock.now());
    let next = Key::new(AUDIT_ROOTS, "2026-11-21");
    scene.tamper(Write::create(next, forged)).await;
    scene.clock.set(at("2026-11-22T00:10:00Z"));
    keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap();
    let days = [day("2026-11-20"), day("2026-11-21")];
    assert_eq!(place.all().into_keys().collect::<Vec<_>>(), days);
    let date = "2026-11-21".to_owned();
    let found = faults(&scene, &place).await;
    assert!(found.contains(&Fault::Copy { date }), "{found:?}");
}

#[tokio::test]
async fn another_process_copies_again_which_changes_nothing() {
    let (scene, place) = (Scene::with(&[("jar", 5)]).await, Arc::<Place>::default());
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    let keeping = roots(&scene, &place);
    assert!(keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    let before = place.all();
    assert!(!keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    assert_eq!(place.asked.lock().unwrap().len(), 1);
    let other = roots(&scene, &place);
    assert!(!other.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    assert_eq!(place.asked.lock().unwrap().len(), 2);
    assert_eq!(place.all(), before);
}

#[tokio::test]
async fn what_is_made_is_copied_though_the_root_of_an_older_day_cannot_be_made() {
    let (scene, place) = (Scene::with(&[("jar", 5)]).await, Arc::<Place>::default());
    scene.drained().await;
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    let keeping = roots(&scene, &place);
    assert!(keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    // Nobody ticks for two midnights, and the last event of the first day is damaged.
    for time in ["2026-11-21T09:00:00Z", "2026-11-22T09:00:00Z"] {
        scene.clock.set(at(time));
        scene.change("jar", Command::Change(1)).await.unwrap();
    }
    scene.drained().await;
    let head = EventRow::key_of(&EventRow::lasting_id("jar", 3));
    let stored = scene.documents.get(&head).await.unwrap().unwrap().fields;
    let broken = Write::merge(head.clone(), Fields::new()).remove_field("lasting");
    scene.tamper(broken).await;
    scene.clock.set(at("2026-11-23T00:10:00Z"));
    let kept = keeping.keep(DailyRoots::RUN_LIMIT).await;
    assert!(matches!(kept, Err(KeepRootError::Head { .. })), "{kept:?}");
    let copied = |place: &Place| place.all().into_keys().collect::<Vec<_>>();
    let (first, last) = (day("2026-11-20"), day("2026-11-22"));
    assert_eq!(copied(&place), [first, last]);
    scene.tamper(Write::set(head, stored)).await;
    assert!(keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
    assert_eq!(copied(&place), [first, day("2026-11-21"), last]);
    assert_eq!(faults(&scene, &place).await, []);
}

#[tokio::test]
async fn a_root_without_a_copy_is_named_from_the_first_copy_on_but_not_the_newest() {
    let (scene, place) = (Scene::with(&[("jar", 5)]).await, Arc::<Place>::default());
    // Copying begins with the second root, and the third and the last have no copy.
    for (today, is_copied) in [
        ("2026-11-21", false),
        ("2026-11-22", true),
        ("2026-11-23", false),
        ("2026-11-24", true),
        ("2026-11-25", false),
    ] {
        scene.clock.set(at(&format!("{today}T00:10:00Z")));
        let documents = scene.documents.clone();
        let keeping = DailyRoots::new(documents, scene.clock.clone(), "jar.made");
        assert!(keeping.keep(DailyRoots::RUN_LIMIT).await.unwrap());
        if is_copied {
            let yesterday = day(today).pred_opt().unwrap();
            let root = Key::new(AUDIT_ROOTS, &yesterday.to_string());
            let root = scene.documents.get(&root).await.unwrap().unwrap();
            let text = root.fields.text("root").unwrap();
            place.keep(yesterday, text).await.unwrap();
        }
    }
    let date = "2026-11-22".to_owned();
    assert_eq!(faults(&scene, &place).await, [Fault::NoCopy { date }]);
    // Without copies there is nothing to miss.
    assert_eq!(scene.verified().await.faults, []);
}
