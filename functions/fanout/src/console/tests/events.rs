//! Which events a filter takes.

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
    hub.published(post, now);
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
