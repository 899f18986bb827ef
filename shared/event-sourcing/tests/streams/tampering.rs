//! What was changed is found, and named.

use fanout_event_sourcing::{AUDIT_ROOTS, DailyRoots, verify};
use fanout_outbox::{EVENTS, EventRow};
use fanout_store::{Documents as _, Fields, Key, Query, Value, Write, all_documents};

use crate::jar::{Command, Jar, JarOf};
use crate::scene::{Scene, at};

fn row(sequence: u64) -> Key {
    EventRow::key_of(&EventRow::lasting_id("jar", sequence))
}

async fn fields(scene: &Scene, sequence: u64) -> Fields {
    scene
        .documents
        .get(&row(sequence))
        .await
        .unwrap()
        .unwrap()
        .fields
}

async fn full() -> Scene {
    let scene = Scene::with(&[("jar", 500), ("other", 1)]).await;
    for _ in 0..120 {
        scene.change("jar", Command::Change(1)).await.unwrap();
    }
    scene.drained().await;
    scene
}

#[tokio::test]
async fn every_field_of_an_event_is_under_its_hash() {
    let scene = full().await;
    let before = fields(&scene, 100).await;
    let mut lasting = match before.get("lasting") {
        Some(Value::Map(lasting)) => lasting.clone(),
        _ => panic!("an event that lasts"),
    };
    let data = before.text("data").unwrap();
    let forged = data.replace("\"by\":1", "\"by\":9");
    assert_ne!(forged, data);
    let mut changes = vec![
        ("data", Value::from(forged.as_str())),
        ("recorded_at", at("2026-11-20T12:00:00.700Z").into()),
        ("sequence", 7_u64.into()),
        ("attributes", Value::Map(Fields::new())),
        ("shard", 19_u64.into()),
    ];
    for field in [
        "type",
        "source",
        "topic",
        "subject",
        "stream",
        "correlation_id",
        "causation_id",
        "ordering_key",
    ] {
        changes.push((field, "forged".into()));
    }
    for field in ["hash", "previous_hash", "snapshot"] {
        let kept = lasting.get(field).unwrap().clone();
        let forged = match &kept {
            Value::Map(snapshot) => {
                let state = snapshot.text("state").unwrap().replace('5', "6");
                Value::Map(snapshot.clone().with("state", state))
            }
            _ => Value::from("00"),
        };
        lasting.set(field, forged);
        changes.push(("lasting", Value::Map(lasting.clone())));
        lasting.set(field, kept);
    }
    for (field, value) in changes {
        let shown = format!("{field} {value:?}");
        scene
            .tamper(Write::set(row(100), before.clone().with(field, value)))
            .await;
        let faults = scene.faults().await;
        assert_eq!(faults.len(), 1, "{shown}: {faults:?}");
        assert!(
            faults[0].starts_with("jar, event 100: "),
            "{shown}: {faults:?}"
        );
        scene.tamper(Write::set(row(100), before.clone())).await;
        assert_eq!(scene.faults().await, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_that_is_gone_is_missed_in_its_place() {
    let scene = full().await;
    scene.tamper(Write::delete(row(50))).await;
    assert_eq!(scene.faults().await, ["jar, event 50: is missing"]);
    let one = verify::<Jar>(scene.documents.as_ref(), Some("other"))
        .await
        .unwrap();
    assert_eq!((one.streams, one.faults), (1, vec![]));
}

/// By which it is listed: without it, its stream would be passed over.
#[tokio::test]
async fn a_first_event_is_missed_in_no_listing() {
    let scene = full().await;
    let before = fields(&scene, 1).await;
    let changes: [(_, Value); 4] = [
        ("shard", 19_u64.into()),
        ("shard", "3".into()),
        ("type", "jar.found".into()),
        ("stream", "other jar".into()),
    ];
    for (field, value) in changes {
        let forged = before.clone().with(field, value);
        scene.tamper(Write::set(row(1), forged)).await;
        let faults = scene.faults().await;
        assert_eq!(faults.len(), 1, "{field}: {faults:?}");
        assert!(
            faults[0].starts_with("jar, event 1: "),
            "{field}: {faults:?}"
        );
        scene.tamper(Write::set(row(1), before.clone())).await;
    }
    // It may be the only one.
    scene.change("new", Command::Make).await.unwrap();
    scene.drained().await;
    let key = EventRow::key_of(&EventRow::lasting_id("new", 1));
    let before = scene.documents.get(&key).await.unwrap().unwrap().fields;
    for (field, value) in [("shard", Value::from(19_u64)), ("type", "tin.made".into())] {
        let forged = before.clone().with(field, value);
        scene.tamper(Write::set(key.clone(), forged)).await;
        let faults = scene.faults().await;
        assert_eq!(faults.len(), 1, "{field}: {faults:?}");
        assert!(faults[0].starts_with("new, event 1: "), "{faults:?}");
        scene.tamper(Write::set(key.clone(), before.clone())).await;
    }
    assert_eq!(scene.faults().await, [""; 0]);
}

/// An older one than today's is not used. There is none that is newer.
#[tokio::test]
async fn a_snapshot_of_a_schema_that_never_was_is_a_fault() {
    let scene = full().await;
    let before = fields(&scene, 100).await;
    let Some(Value::Map(lasting)) = before.get("lasting") else {
        panic!("an event that lasts");
    };
    let Some(Value::Map(snapshot)) = lasting.get("snapshot") else {
        panic!("an event with a snapshot");
    };
    for schema in [0_u64, 3] {
        let snapshot = Value::Map(snapshot.clone().with("schema", schema));
        let lasting = Value::Map(lasting.clone().with("snapshot", snapshot));
        let forged = before.clone().with("lasting", lasting);
        scene.tamper(Write::set(row(100), forged)).await;
        let said = format!(
            "jar, event 100: carries a snapshot of schema {schema}, which this build does not know"
        );
        assert_eq!(scene.faults().await, [said]);
    }
}

#[tokio::test]
async fn a_snapshot_of_another_schema_is_counted_and_no_fault() {
    let scene = full().await;
    let report = verify::<JarOf<2>>(scene.documents.as_ref(), None)
        .await
        .unwrap();
    assert_eq!(
        (report.outdated, report.snapshots, report.faults),
        (1, 0, vec![])
    );
}

#[tokio::test]
async fn the_root_of_a_day_misses_what_no_chain_can_miss() {
    let scene = full().await;
    let keep = async || {
        let (documents, clock) = (scene.documents.clone(), scene.clock.clone());
        let roots = DailyRoots::new(documents, clock, "jar.made");
        let kept = roots.keep(DailyRoots::RUN_LIMIT).await.unwrap();
        assert!(
            !roots.keep(DailyRoots::RUN_LIMIT).await.unwrap(),
            "it remembers what is done"
        );
        kept
    };
    assert!(!keep().await, "nothing was there the day before");
    scene.clock.set(at("2026-11-21T00:05:00Z"));
    assert!(!keep().await, "the day is not settled yet");
    scene.clock.set(at("2026-11-21T00:10:00Z"));
    assert!(keep().await);
    assert!(!keep().await, "once a day");
    // What comes later belongs to later roots.
    scene.change("other", Command::Change(1)).await.unwrap();
    let report = scene.verified().await;
    assert_eq!((report.roots, report.faults), (1, vec![]));

    let roots = all_documents(scene.documents.as_ref(), Query::of(AUDIT_ROOTS))
        .await
        .unwrap();
    assert_eq!(roots[0].key.id(), "2026-11-20");
    assert_eq!(roots[0].fields.count("streams").unwrap(), 2);
    // The last event of a stream, or a whole stream.
    for gone in [
        vec![row(122)],
        (1..=3)
            .map(|it| EventRow::key_of(&EventRow::lasting_id("other", it)))
            .collect(),
    ] {
        let mut kept = Vec::new();
        for key in gone {
            kept.push(scene.documents.get(&key).await.unwrap().unwrap());
            assert!(key.is_in(EVENTS));
            scene.tamper(Write::delete(key)).await;
        }
        let faults = scene.faults().await;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("2026-11-20"), "{faults:?}");
        for document in kept {
            scene
                .tamper(Write::create(document.key, document.fields))
                .await;
        }
        assert_eq!(scene.faults().await, [""; 0]);
    }
}
