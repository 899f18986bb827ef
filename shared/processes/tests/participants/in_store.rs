//! Steps whose effect lives in the store.

use async_trait::async_trait;
use fanout_consume::{Consumer, Failure, Pipeline, View};
use fanout_contracts::ProductLine;
use fanout_contracts::inventory::{
    ReleaseRequested, Released, ReservationRefused, ReservationRequested, Reserved,
};
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Fences, Ruling, StoreStep, UndoableInStore};
use fanout_store::{Collection, Fields, Key, Write};

use crate::scene::{Scene, TESTED, YEARS, deliver, lines, step};

const EFFECTS: &Collection = &Collection::named("effects");

/// Counts what was done and undone; refuses where it is told to.
#[derive(Clone, Copy)]
pub(crate) struct Reserve {
    pub(crate) refuses: bool,
}

fn count(field: &str) -> Write {
    Write::merge(Key::new(EFFECTS, "all"), Fields::new()).increment(field, 1)
}

#[async_trait]
impl StoreStep for Reserve {
    type Asked = ReservationRequested;
    type Outcome = Vec<ProductLine>;
    const SUBJECT: &'static str = "res";

    async fn perform(
        &self,
        asked: &ReservationRequested,
        _: &str,
        _: &View<'_>,
    ) -> Result<(Ruling<Vec<ProductLine>>, Vec<Write>), Failure> {
        Ok(if self.refuses {
            (
                Ruling::Refused("out_of_stock".to_owned()),
                vec![count("refused")],
            )
        } else {
            (Ruling::Done(asked.items.clone()), vec![count("done")])
        })
    }

    fn answer(
        &self,
        asked: &ReservationRequested,
        to: Answer,
        ruling: &Ruling<Vec<ProductLine>>,
    ) -> Result<Draft, UnwritableEvent> {
        let (reservation_id, order_id) = (to.subject.clone(), asked.order_id.clone());
        let step = asked.step.clone();
        match ruling {
            Ruling::Done(items) => Draft::of(
                to.subject,
                to.sequence,
                &Reserved {
                    reservation_id,
                    order_id,
                    items: items.clone(),
                    order: None,
                    step,
                },
            ),
            Ruling::Refused(reason) => Draft::of(
                to.subject,
                to.sequence,
                &ReservationRefused {
                    reservation_id,
                    order_id,
                    reason: reason.clone(),
                    step,
                },
            ),
        }
    }
}

#[async_trait]
impl UndoableInStore for Reserve {
    type Undo = ReleaseRequested;

    async fn undo(&self, done: Vec<ProductLine>, _: &View<'_>) -> Result<Vec<Write>, Failure> {
        assert_eq!(done, lines());
        Ok(vec![count("undone")])
    }

    fn undone(&self, asked: &ReleaseRequested, to: Answer) -> Result<Draft, UnwritableEvent> {
        let released = Released {
            reservation_id: to.subject.clone(),
            order_id: asked.order_id.clone(),
            step: asked.step.clone(),
        };
        Draft::of(to.subject, to.sequence, &released)
    }
}

fn participant(scene: &Scene, refuses: bool) -> Pipeline {
    let fences = Fences::of(TESTED, &scene.deps());
    let consumer = Consumer::named(TESTED)
        .on::<ReservationRequested>(fences.doing(Reserve { refuses }))
        .on::<ReleaseRequested>(fences.undoing(Reserve { refuses }));
    scene.of(consumer)
}

pub(crate) fn reserve(attempt: u64) -> ReservationRequested {
    ReservationRequested {
        order_id: "ord_1".to_owned(),
        items: lines(),
        step: step("reserve", attempt),
    }
}

fn release(attempt: u64) -> ReleaseRequested {
    ReleaseRequested {
        order_id: "ord_1".to_owned(),
        step: step("reserve", attempt),
    }
}

/// How often it was done, refused and undone.
pub(crate) async fn effects(scene: &Scene) -> [i64; 3] {
    let found = scene
        .documents
        .get(&Key::new(EFFECTS, "all"))
        .await
        .unwrap();
    let fields = found.map(|it| it.fields).unwrap_or_default();
    ["done", "refused", "undone"].map(|name| fields.integer(name).unwrap_or(0))
}

#[tokio::test]
async fn a_step_that_is_asked_for_again_is_answered_again_and_done_once() {
    let scene = Scene::new().await;
    let app = participant(&scene, false);
    assert_eq!(deliver(&app, "evt_1", reserve(1)).await, "done");
    assert_eq!(deliver(&app, "evt_1", reserve(1)).await, "duplicate");
    assert_eq!(deliver(&app, "evt_2", reserve(2)).await, "done");
    // Two first questions, as from a process that was started twice.
    assert_eq!(deliver(&app, "evt_3", reserve(1)).await, "done");
    assert_eq!(effects(&scene).await, [1, 0, 0]);
    let answers = scene.answers();
    let counted: Vec<u64> = answers.iter().map(|(.., sequence)| *sequence).collect();
    assert_eq!(counted, [1, 2, 3]);
    assert_eq!(scene.said(), ["inventory.reserved"; 3]);
    assert!(answers.iter().all(|it| it.2 == answers[0].2));
}

#[tokio::test]
async fn an_undo_that_comes_first_keeps_the_late_do_from_doing_anything() {
    let scene = Scene::new().await;
    let app = participant(&scene, false);
    assert_eq!(deliver(&app, "evt_1", release(1)).await, "done");
    assert_eq!(deliver(&app, "evt_2", reserve(1)).await, "done");
    assert_eq!(deliver(&app, "evt_3", release(2)).await, "done");
    assert_eq!(effects(&scene).await, [0, 0, 0]);
    let said = [
        "inventory.released",
        "inventory.refused cancelled",
        "inventory.released",
    ];
    assert_eq!(scene.said(), said);
}

#[tokio::test]
async fn what_was_done_is_undone_once_and_never_done_again() {
    let scene = Scene::new().await;
    let app = participant(&scene, false);
    deliver(&app, "evt_1", reserve(1)).await;
    deliver(&app, "evt_2", release(1)).await;
    deliver(&app, "evt_3", release(2)).await;
    deliver(&app, "evt_4", reserve(2)).await;
    assert_eq!(effects(&scene).await, [1, 0, 1]);
    assert_eq!(scene.said().last().unwrap(), "inventory.refused cancelled");
}

#[tokio::test]
async fn what_was_done_is_undone_however_late_it_is_asked_for() {
    let scene = Scene::new().await;
    let app = participant(&scene, false);
    deliver(&app, "evt_1", reserve(1)).await;
    scene.pass(YEARS).await;
    deliver(&app, "evt_2", release(1)).await;
    assert_eq!(effects(&scene).await, [1, 0, 1]);
    scene.pass(YEARS).await;
    deliver(&app, "evt_3", reserve(2)).await;
    assert_eq!(effects(&scene).await, [1, 0, 1]);
}

#[tokio::test]
async fn a_refusal_is_kept_and_nothing_of_it_is_undone() {
    let scene = Scene::new().await;
    let refusing = participant(&scene, true);
    assert_eq!(deliver(&refusing, "evt_1", reserve(1)).await, "done");
    // Asked again, it is not judged again.
    let taking = participant(&scene, false);
    assert_eq!(deliver(&taking, "evt_2", reserve(2)).await, "done");
    assert_eq!(deliver(&taking, "evt_3", release(1)).await, "done");
    assert_eq!(effects(&scene).await, [0, 1, 0]);
    let refused = "inventory.refused out_of_stock";
    assert_eq!(scene.said(), [refused, refused, "inventory.released"]);
}

#[tokio::test]
async fn steps_of_other_names_and_processes_have_fences_of_their_own() {
    let scene = Scene::new().await;
    let app = participant(&scene, false);
    let mut other = reserve(1);
    other.step.name = "reserve-more".to_owned();
    let mut another = reserve(1);
    another.step.process = "return".to_owned();
    deliver(&app, "evt_1", reserve(1)).await;
    deliver(&app, "evt_2", other).await;
    deliver(&app, "evt_3", another).await;
    assert_eq!(effects(&scene).await, [3, 0, 0]);
}
