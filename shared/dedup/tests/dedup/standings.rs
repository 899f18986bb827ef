//! What a stored mark means for a delivery, at a moment.

use std::time::Duration;

use fanout_dedup::{Mark, MarkState, Parking, Predecessor, Standing};
use fanout_events::Fingerprint;
use fanout_runtime::Clock;
use fanout_store::{Precondition, Write};

use super::scene::{Scene, seen};

const MOMENT: Duration = Duration::from_millis(1);

impl Scene {
    /// What this mark means now.
    async fn standing_of(&self, mark: &Mark) -> Standing {
        let write = Write::set(seen("evt_1").key(), mark.to_fields());
        self.commit(write).await.unwrap();
        self.ledger().standing(&seen("evt_1")).await.unwrap()
    }
}

fn open(standing: Standing) -> Predecessor {
    match standing {
        Standing::Open(predecessor) => predecessor,
        other @ (Standing::Done | Standing::Held { .. } | Standing::Reused) => {
            panic!("not open: {other:?}")
        }
    }
}

#[tokio::test]
async fn an_event_without_a_mark_is_new() {
    let scene = Scene::new().await;
    let standing = scene.ledger().standing(&seen("evt_1")).await.unwrap();
    assert_eq!(open(standing), Predecessor::NONE);
}

#[tokio::test]
async fn a_mark_that_is_done_counts_until_it_expires() {
    let scene = Scene::new().await;
    let done = scene.left(MarkState::Done);
    assert_eq!(scene.standing_of(&done).await, Standing::Done);
    scene.clock.set(done.expires_at - MOMENT);
    assert_eq!(scene.standing_of(&done).await, Standing::Done);
    scene.clock.set(done.expires_at);
    let predecessor = open(scene.standing_of(&done).await);
    assert!(matches!(
        predecessor.precondition,
        Precondition::UpdatedAt(_)
    ));
    assert_eq!((predecessor.attempts, predecessor.parked), (0, None));
}

#[tokio::test]
async fn another_payload_is_told_in_whatever_state_the_mark_is() {
    for state in [
        MarkState::Done,
        MarkState::Parked,
        MarkState::Released,
        MarkState::Processing,
    ] {
        let scene = Scene::new().await;
        let mark = Mark {
            fingerprint: Fingerprint::of_bytes(b"another").to_string(),
            ..scene.left(state)
        };
        assert_eq!(
            scene.standing_of(&mark).await,
            Standing::Reused,
            "{state:?}"
        );
    }
}

#[tokio::test]
async fn a_claim_keeps_others_away_to_its_last_moment() {
    let scene = Scene::new().await;
    let ends = scene.clock.now() + Duration::from_secs(60);
    let held = Mark {
        owner: Some("own_1".to_owned()),
        lease_expires_at: Some(ends),
        ..scene.left(MarkState::Processing)
    };
    for remaining in [Duration::from_secs(60), MOMENT] {
        scene.clock.set(ends - remaining);
        let expected = Standing::Held { remaining };
        assert_eq!(scene.standing_of(&held).await, expected);
    }
    for after in [Duration::ZERO, MOMENT] {
        scene.clock.set(ends + after);
        let predecessor = open(scene.standing_of(&held).await);
        assert_eq!(
            (predecessor.attempts, predecessor.may_have_repeated),
            (3, true)
        );
    }
    let without_lease = scene.left(MarkState::Processing);
    assert!(open(scene.standing_of(&without_lease).await).may_have_repeated);
}

#[tokio::test]
async fn released_and_parked_marks_are_open_and_keep_what_is_known() {
    for may_have_repeated in [true, false] {
        let scene = Scene::new().await;
        let parked = Mark {
            may_have_repeated,
            unanswered: 2,
            outcome: Some("never".to_owned()),
            parked_message: Some("17".to_owned()),
            ..scene.left(MarkState::Parked)
        };
        let predecessor = open(scene.standing_of(&parked).await);
        assert_eq!(predecessor.attempts, 3);
        let known = (predecessor.may_have_repeated, predecessor.unanswered);
        assert_eq!(known, (may_have_repeated, 2));
        assert!(predecessor.is_parked_as("17", "never"));
        assert!(!predecessor.is_parked_as("17", "ever"));
        assert!(!predecessor.is_parked_as("18", "never"));
        let released = Mark {
            state: MarkState::Released,
            ..parked
        };
        let predecessor = open(scene.standing_of(&released).await);
        let known = (predecessor.may_have_repeated, predecessor.unanswered);
        assert_eq!(known, (may_have_repeated, 2));
        assert!(
            !predecessor.is_parked_as("17", "never"),
            "it was tried again since"
        );
    }
}

#[tokio::test]
async fn a_note_of_another_payload_says_which_message_until_it_expires() {
    let scene = Scene::new().await;
    let (ledger, event) = (scene.ledger(), seen("evt_1"));
    assert!(!ledger.is_noted(&event, "17").await.unwrap());
    let parking = Parking {
        message_id: "17",
        reason: "id_reused",
        detail: "another payload",
    };
    ledger.note_reused(&event, parking).await.unwrap();
    assert!(ledger.is_noted(&event, "17").await.unwrap());
    assert!(!ledger.is_noted(&event, "18").await.unwrap());
    assert_eq!(
        scene.mark(&event).await,
        None,
        "the event's own mark is not touched"
    );
    scene
        .clock
        .advance(fanout_runtime::Timings::PRODUCTION.mark_lifetime - MOMENT);
    assert!(ledger.is_noted(&event, "17").await.unwrap());
    scene.clock.advance(MOMENT);
    assert!(!ledger.is_noted(&event, "17").await.unwrap());
}
