//! Which events a filter takes.

use std::time::Duration;

use fanout_dedup::Mark;
use fanout_store::{Fields, Write};

use super::plain;
use super::scene::Scene;
use crate::cli::SystemsFlags;
use crate::console::hub::{Delivery, Publication};

#[tokio::test]
async fn an_event_that_every_consumer_that_runs_is_done_with_is_not_in_flight() {
    let social = SystemsFlags {
        systems: vec!["social".to_owned()],
        all: false,
    };
    let scene = Scene::of(social).await;
    let (hub, now) = (&scene.page.hub, scene.page.now());
    let post = Publication {
        event_id: "evt_post".to_owned(),
        event_type: "post.created".to_owned(),
        topic: "post-events".to_owned(),
        ..Publication::default()
    };
    hub.publishing(post, now);
    hub.published("evt_post", true, now);
    let in_flight = "/events?outcome=open";
    assert!(scene.main(in_flight).await.contains("evt_post"));
    // Search hears of posts too, but belongs to the shop.
    assert!(scene.page.consumer("search").is_none());
    let hear =
        |it: &&fanout_kernel::Subscriber| it.topics.iter().any(|it| it.topic == "post-events");
    for subscriber in scene.page.consumers().filter(hear) {
        let done = Delivery {
            event_id: "evt_post".to_owned(),
            consumer: subscriber.consumer.to_owned(),
            outcome: "done".to_owned(),
            status: Some(204),
            ..Delivery::default()
        };
        hub.delivered(done, now);
    }
    assert!(!scene.main(in_flight).await.contains("evt_post"));
    assert!(
        scene
            .main("/events?outcome=done")
            .await
            .contains("evt_post")
    );
}

#[tokio::test]
async fn an_event_is_in_flight_to_those_alone_whose_subscription_wants_its_flow() {
    let shop = SystemsFlags {
        systems: vec!["shop".to_owned()],
        all: false,
    };
    let scene = Scene::of(shop).await;
    let (hub, now) = (&scene.page.hub, scene.page.now());
    for (id, flow) in [("evt_asked", None), ("evt_told", Some("choreographed"))] {
        let created = Publication {
            event_id: id.to_owned(),
            event_type: "order.created".to_owned(),
            topic: "order-events".to_owned(),
            flow: flow.map(str::to_owned),
            ..Publication::default()
        };
        hub.publishing(created, now);
        hub.published(id, true, now);
    }
    let to_inventory = scene.main("/events?consumer=inventory&outcome=open").await;
    assert!(to_inventory.contains("evt_told") && !to_inventory.contains("evt_asked"));
    let all = scene.main("/events").await;
    assert!(all.contains("not wanted"), "{all}");
}

/// After a restart: nothing was seen, and the store and the letters tell.
#[tokio::test]
async fn what_was_before_is_told_as_it_stands_and_not_as_if_it_had_been_seen() {
    let (scene, texts) = (Scene::new().await, plain());
    let event = scene.stored(&texts).await;
    scene.letters(&event, &texts).await;
    let at = scene.page.now();
    let mark = |consumer: &str| {
        Fields::new()
            .with("consumer", consumer)
            .with("event_id", event.as_str())
            .with("fingerprint", "f")
            .with("expires_at", at + Duration::from_secs(60))
    };
    let done = mark("crm").with("outcome", "done").with("finished_at", at);
    // The mail server was away, until the bus gave it up.
    let released = mark("email")
        .with("state", "released")
        .with("attempt", 20_i64);
    let marks = [("crm", done), ("email", released)];
    let marks = marks.map(|(of, mark)| Write::create(Mark::key_of(of, &event), mark));
    scene.page.documents.commit(marks.into()).await.unwrap();
    let rows = scene.main("/events").await;
    let told = |text: &str| rows.contains(text);
    assert!(told("dead letter") && told("20 tries failed"), "{rows}");
    assert!(!told(">0 ms"), "{rows}");
    let life = scene.main(&format!("/events/{event}")).await;
    assert!(life.contains("Redrive or discard"), "{life}");
    for consumer in ["crm", "email"] {
        let track = life.split(&format!("id=\"track-{consumer}\"")).nth(1);
        let track = track.unwrap().split("</section>").next().unwrap();
        assert!(track.contains("No delivery was seen"), "{track}");
    }
    let none_like_that = scene.main("/events?outcome=duplicate").await;
    assert!(
        none_like_that.contains("No event is like that"),
        "{none_like_that}"
    );
}
