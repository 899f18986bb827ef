//! Parking: one letter for one message and reason, whatever answers get lost.

use fanout_consume::{Consumer, Failure};
use fanout_dedup::MarkState;
use fanout_events::CE_TYPE;
use fanout_store::{Document, Documents, StoreError};
use fanout_testkit::user_events::created;
use fanout_testkit::{HookedCommit, HookedDocuments, NextPublish};
use serde_json::{Value, json};

use super::effects::{Acting, Next, Planned};
use super::scene::{Before, Delivered, Scene, outcome_of};

/// Parks everything, for a reason that depends on the message's data no more than on anything else.
fn parking(reason: &'static str) -> Consumer {
    Planned::consumer(move |_| {
        Err(Failure::Park {
            reason,
            detail: "never".to_owned(),
        })
    })
}

/// Three ways to the dead-letter topic: refused by an effect in the store, by an act under its claim,
/// and not decodable at all.
enum Way {
    InStore,
    Acting,
    Undecodable,
}

impl Way {
    fn all() -> [Self; 3] {
        [Self::InStore, Self::Acting, Self::Undecodable]
    }

    fn consumer(&self) -> Consumer {
        match self {
            Self::InStore => parking("never"),
            Self::Acting | Self::Undecodable => {
                let (told, consumer) = Acting::consumer();
                for _ in 0..10 {
                    told.next(Next::Parks);
                }
                consumer
            }
        }
    }

    fn message(&self) -> Delivered {
        match self {
            Self::InStore | Self::Acting => Delivered::of(&created("evt_1", "usr_1")),
            Self::Undecodable => Delivered {
                data: "not JSON".to_owned(),
                ..Delivered::of(&Value::Null)
            },
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_message_whose_ack_was_lost_leaves_one_letter() {
    for way in Way::all() {
        let scene = Scene::new().await;
        let app = scene.of(way.consumer());
        for _ in 0..3 {
            assert_eq!(way.message().to(&app).await, "parked");
            assert_eq!(scene.letters().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_message_with_the_same_event_leaves_another_letter() {
    for way in [Way::InStore, Way::Acting] {
        let scene = Scene::new().await;
        let app = scene.of(way.consumer());
        assert_eq!(way.message().to(&app).await, "parked");
        assert_eq!(way.message().under("2").to(&app).await, "parked");
        assert_eq!(scene.letters().len(), 2);
        let mark = scene.mark("evt_1").await.unwrap();
        assert_eq!(
            (mark.attempt, mark.parked_message.as_deref()),
            (2, Some("2"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_that_fails_again_leaves_another_letter() {
    for way in Way::all() {
        let scene = Scene::new().await;
        let app = scene.of(way.consumer());
        assert_eq!(way.message().to(&app).await, "parked");
        assert_eq!(way.message().redriven().to(&app).await, "parked");
        assert_eq!(scene.letters().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn another_reason_leaves_another_letter() {
    let scene = Scene::new().await;
    let event = created("evt_1", "usr_1");
    for (reason, letters) in [("never", 1), ("never", 1), ("ever", 2), ("ever", 2)] {
        assert_eq!(
            outcome_of(&scene.of(parking(reason)), &event).await,
            "parked"
        );
        assert_eq!(scene.letters().len(), letters);
    }
}

/// The note of another payload under a known id works like a mark.
#[tokio::test(start_paused = true)]
async fn a_reused_id_leaves_one_letter_for_each_message_and_redrive() {
    let scene = Scene::new().await;
    let app = scene.of(Acting::consumer().1);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let mut other = created("evt_1", "usr_1");
    other["data"]["name"] = "Another".into();
    let message = |id| Delivered::of(&other).under(id);
    for (message, letters) in [
        (message("2"), 1),
        (message("2"), 1),
        (message("3"), 2),
        (message("3"), 2),
        (message("3").redriven(), 3),
    ] {
        assert_eq!(message.to(&app).await, "parked");
        assert_eq!(scene.letters().len(), letters);
    }
    for letter in scene.letters() {
        assert_eq!(letter.attributes["dead-letter-reason"], "id_reused");
    }
    let mark = scene.mark("evt_1").await.unwrap();
    assert_eq!(mark.state, MarkState::Done);
    // A note that has expired says nothing any more.
    scene
        .clock
        .advance(fanout_runtime::Timings::PRODUCTION.mark_lifetime);
    let renewed = scene.of(Acting::consumer().1);
    assert_eq!(
        outcome_of(&renewed, &created("evt_1", "usr_1")).await,
        "done"
    );
    assert_eq!(message("3").to(&renewed).await, "parked");
    assert_eq!(scene.letters().len(), 4);
}

/// The letter lies there, the mark is not written: it must not be acked, or nothing says that the
/// event has failed.
#[tokio::test(start_paused = true)]
async fn a_mark_that_cannot_be_written_after_the_letter_is_not_acked() {
    for way in [Way::InStore, Way::Undecodable] {
        let scene = Scene::new().await;
        let fails = async {
            HookedCommit::Fails(StoreError::Unavailable("the connection broke".into()).into())
        };
        let hook = Before::commit(1, fails);
        let documents = HookedDocuments::new(scene.documents.clone(), hook);
        let app = scene.over(documents, way.consumer());
        assert_eq!(way.message().to(&app).await, "failed");
        assert_eq!(scene.letters().len(), 1);
        scene
            .clock
            .advance(fanout_runtime::Timings::PRODUCTION.lease);
        assert_eq!(way.message().to(&app).await, "parked");
        assert_eq!(scene.letters().len(), 2, "the first is not known of");
    }
}

/// Under a claim a lost mark means acting again.
#[tokio::test(start_paused = true)]
async fn a_mark_that_fails_after_the_letter_of_an_act_is_tried_again() {
    let scene = Scene::new().await;
    let (told, consumer) = Acting::consumer();
    told.next(Next::Parks);
    let fails = async {
        HookedCommit::Fails(StoreError::Unavailable("the connection broke".into()).into())
    };
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(2, fails));
    let app = scene.over(documents, consumer);
    assert_eq!(Way::Acting.message().to(&app).await, "parked");
    assert_eq!((told.acts().len(), scene.letters().len()), (1, 1));
    assert_eq!(scene.mark("evt_1").await.unwrap().state, MarkState::Parked);
}

#[tokio::test(start_paused = true)]
async fn a_note_that_cannot_be_written_after_the_letter_is_not_acked_either() {
    let scene = Scene::new().await;
    let app = scene.of(Acting::consumer().1);
    assert_eq!(outcome_of(&app, &created("evt_1", "usr_1")).await, "done");
    let mut other = created("evt_1", "usr_1");
    other["data"]["name"] = "Another".into();
    let fails = async {
        HookedCommit::Fails(StoreError::Unavailable("the connection broke".into()).into())
    };
    // The claim is refused first.
    let documents = HookedDocuments::new(scene.documents.clone(), Before::commit(2, fails));
    let app = scene.over(documents, Acting::consumer().1);
    assert_eq!(outcome_of(&app, &other).await, "failed");
    assert_eq!(scene.letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_cannot_be_sent_marks_nothing() {
    for way in Way::all() {
        let scene = Scene::new().await;
        let app = scene.of(way.consumer());
        scene.bus.next(NextPublish::Unavailable);
        assert_eq!(way.message().to(&app).await, "failed");
        let state = scene.mark("evt_1").await.map(|mark| mark.state);
        assert!(
            [None, Some(MarkState::Released)].contains(&state),
            "{state:?}"
        );
        assert_eq!(way.message().to(&app).await, "parked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_typing_error_in_the_type_is_parked_with_the_types_there_are() {
    let scene = Scene::new().await;
    let app = scene.of(Acting::consumer().1);
    let typed =
        json!({"userId": "u-1", "email": "a@example.com", "name": "A", "event": "user.craeted"});
    let mut whole = created("evt_1", "usr_1");
    whole["type"] = "user.craeted".into();
    for event in [typed, whole] {
        assert_eq!(outcome_of(&app, &event).await, "parked");
        let letters = scene.letters();
        let letter = letters.last().unwrap();
        assert_eq!(letter.attributes["dead-letter-reason"], "unknown_type");
        assert_eq!(
            letter.attributes["dead-letter-detail"],
            "the type is none of this topic's: user.created, user.updated, user.deleted"
        );
    }
    assert_eq!(scene.letters().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_type_that_a_program_names_or_that_is_known_is_ignored() {
    let scene = Scene::new().await;
    let app = scene.of(Acting::consumer().1);
    let mut newer = created("evt_1", "usr_1");
    newer["type"] = "user.promoted".into();
    let newer = Delivered::of(&newer).with(CE_TYPE, "user.promoted");
    assert_eq!(newer.to(&app).await, "ignored");
    let known = fanout_testkit::user_events::deleted("evt_2", "usr_1", 2);
    assert_eq!(outcome_of(&app, &known).await, "ignored");
    assert_eq!(scene.letters().len(), 0);
    for id in ["evt_1", "evt_2"] {
        assert_eq!(scene.mark(id).await, None);
    }
}

/// A mark has the links of what has no row in the event store, and of nothing else.
#[tokio::test(start_paused = true)]
async fn a_mark_tells_of_the_event_what_no_row_does() {
    let scene = Scene::new().await;
    let app = scene.of(Acting::consumer().1);
    let ours = "evt_12WMKQ2FT0GE9ZTMG51F4ZXS5C";
    let another = "evt_12WMKQ2FT0GE9ZTMG51F4ZXS5D";
    let mut by_hand = created("evt_12WMKQ2FT0GE9ZTMG51F4ZXS5E", "usr_1");
    by_hand["source"] = "manual".into();
    let manual = by_hand["id"].as_str().unwrap().to_owned();
    let table = [
        (created(ours, "usr_1"), ours, false),
        (created(another, "usr_1"), ours, true),
        (by_hand, &manual, true),
        (created("evt_foreign", "usr_1"), "evt_foreign", true),
    ];
    for (event, announced, linked) in table {
        let id = event["id"].as_str().unwrap();
        let delivered = Delivered::of(&event).with("ce-id", announced);
        assert_eq!(delivered.to(&app).await, "done");
        let links = scene.mark(id).await.unwrap().links;
        assert_eq!(links.subject.is_some(), linked, "{id}");
        assert_eq!(links.sequence.is_some(), linked, "{id}");
    }
}

/// What was parked under a claim is remembered in the same commit as the mark.
#[tokio::test(start_paused = true)]
async fn a_parked_act_is_remembered_as_parked() {
    let scene = Scene::new().await;
    let app = scene.of(Way::Acting.consumer());
    assert_eq!(Way::Acting.message().to(&app).await, "parked");
    let key = super::effects::thing("remembered");
    let remembered: Option<Document> = scene.documents.get(&key).await.unwrap();
    assert_eq!(remembered.unwrap().fields.text("end"), Ok("refused"));
    assert_eq!(
        scene.published_to("user-events").len(),
        1,
        "and what follows is published"
    );
}
