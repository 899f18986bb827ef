//! Steps that no process asks for: a participant reacts to facts, behind the same fence.

use fanout_consume::{Consumer, Pipeline};
use fanout_contracts::inventory::{ReservationRequested, Reserved};
use fanout_contracts::payment::{Declined, Refunded};
use fanout_processes::{Fences, Reacting};
use serde_json::Value;

use crate::in_store::{Reserve, effects, reserve};
use crate::scene::{Scene, TESTED, deliver, lines, step};

/// Reserves when something was refunded, and no more once something was declined; only of this order.
fn participant(scene: &Scene) -> Pipeline {
    let fences = Fences::of(TESTED, &scene.deps());
    let step = Reserve { refuses: false };
    let doing = Reacting::to(|it: &Refunded| reserve_of(&it.order_id), fences.doing(step));
    let doing = doing.telling::<Reserved, String>("order_id", |it| Some(&it.payment_id));
    let consumer = Consumer::named(TESTED)
        .on::<Refunded>(doing)
        .on::<Declined>(Reacting::to(
            |it: &Declined| reserve_of(&it.order_id),
            fences.forestalling(step),
        ));
    scene.of(consumer)
}

fn reserve_of(order_id: &str) -> Option<ReservationRequested> {
    (order_id == "ord_1").then(|| reserve(1))
}

fn refunded(order_id: &str) -> Refunded {
    Refunded {
        payment_id: "pay_1".to_owned(),
        order_id: order_id.to_owned(),
        step: step("charge", 1),
    }
}

fn declined() -> Declined {
    Declined {
        payment_id: "pay_1".to_owned(),
        order_id: "ord_1".to_owned(),
        reason: "declined".to_owned(),
        step: step("charge", 1),
    }
}

#[tokio::test]
async fn a_fact_does_the_step_once_and_what_is_said_of_it_carries_on_what_came_with_it() {
    let scene = Scene::new().await;
    let app = participant(&scene);
    assert_eq!(deliver(&app, "evt_1", refunded("ord_1")).await, "done");
    assert_eq!(deliver(&app, "evt_2", refunded("ord_1")).await, "done");
    assert_eq!(effects(&scene).await, [1, 0, 0]);
    let taken = scene.bus.taken();
    let said: Vec<Value> = taken
        .iter()
        .map(|(_, message)| serde_json::from_slice(&message.data).unwrap())
        .collect();
    assert_eq!(said.len(), 2);
    for event in said {
        assert_eq!(event["type"], "inventory.reserved");
        assert_eq!(event["data"]["order_id"], "pay_1");
        assert_eq!(event["data"]["items"][0]["quantity"], lines()[0].quantity);
    }
}

#[tokio::test]
async fn a_fact_of_no_concern_is_ignored_and_leaves_nothing() {
    let scene = Scene::new().await;
    let app = participant(&scene);
    assert_eq!(deliver(&app, "evt_1", refunded("ord_2")).await, "ignored");
    assert_eq!(deliver(&app, "evt_1", refunded("ord_1")).await, "done");
}

#[tokio::test]
async fn a_step_that_is_forestalled_is_never_done_and_one_that_was_in_time_stands() {
    let scene = Scene::new().await;
    let app = participant(&scene);
    assert_eq!(deliver(&app, "evt_1", declined()).await, "done");
    assert_eq!(deliver(&app, "evt_2", refunded("ord_1")).await, "done");
    assert_eq!(effects(&scene).await, [0, 0, 0]);
    assert_eq!(scene.said(), ["inventory.refused cancelled"; 2]);
    let scene = Scene::new().await;
    let app = participant(&scene);
    deliver(&app, "evt_1", refunded("ord_1")).await;
    deliver(&app, "evt_2", declined()).await;
    assert_eq!(effects(&scene).await, [1, 0, 0]);
    assert_eq!(scene.said(), ["inventory.reserved"; 2]);
}
