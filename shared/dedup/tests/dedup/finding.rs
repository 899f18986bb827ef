//! Marks as an operator finds them who looks an event up.

use fanout_dedup::{Links, Parking, Predecessor, Seen, find_marks};
use fanout_events::{EventsOf, Fingerprint};

use super::scene::{Scene, seen};

fn linked(number: usize) -> Seen {
    Seen {
        links: Links {
            event_type: None,
            subject: Some("usr_1".to_owned()),
            sequence: Some(1),
            correlation_id: Some("req_1".to_owned()),
            causation_id: Some("evt_0".to_owned()),
        },
        ..seen(&format!("evt_{number:03}"))
    }
}

#[tokio::test]
async fn marks_are_found_by_what_ties_them_page_after_page_up_to_the_limit() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    for number in 0..150 {
        let mark = ledger.done(&linked(number), &Predecessor::NONE, "done");
        scene.commit(mark).await.unwrap();
    }
    let find = async |of, limit| {
        let (marks, more) = find_marks(scene.documents.as_ref(), of, limit)
            .await
            .unwrap();
        (marks.len(), more)
    };
    for of in [
        EventsOf::Subject("usr_1"),
        EventsOf::Correlation("req_1"),
        EventsOf::Causation("evt_0"),
    ] {
        assert_eq!(find(of, 1000).await, (150, false));
        assert_eq!(find(of, 150).await, (150, false));
        assert_eq!(find(of, 149).await, (149, true));
        assert_eq!(find(of, 0).await, (0, true));
    }
    assert_eq!(find(EventsOf::Event("evt_007"), 10).await, (1, false));
    assert_eq!(find(EventsOf::Event("evt_150"), 10).await, (0, false));
    assert_eq!(find(EventsOf::Subject("usr_2"), 10).await, (0, false));
}

#[tokio::test]
async fn a_note_of_another_payload_is_told_apart_from_the_events_own_mark() {
    let scene = Scene::new().await;
    let ledger = scene.ledger();
    let first = seen("evt_1");
    scene
        .commit(ledger.done(&first, &Predecessor::NONE, "done"))
        .await
        .unwrap();
    let second = Seen {
        fingerprint: Fingerprint::of_bytes(b"another"),
        ..seen("evt_1")
    };
    let parking = Parking {
        message_id: "17",
        reason: "id_reused",
        detail: "another payload",
    };
    ledger.note_reused(&second, parking).await.unwrap();
    let (found, _) = find_marks(scene.documents.as_ref(), EventsOf::Event("evt_1"), 10)
        .await
        .unwrap();
    let mut found: Vec<_> = found
        .iter()
        .map(|found| (found.another_payload, found.mark.outcome.as_deref()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [(false, Some("done")), (true, Some("id_reused"))]);
}
