//! An event that is sent once more.

use super::plain;
use super::scene::Scene;

#[tokio::test]
async fn what_is_sent_once_more_is_the_stored_event_and_not_another_under_its_id() {
    let scene = Scene::new().await;
    let event = scene.fill(&plain()).await;
    let data = r#"{"user_id": "usr_1", "email": "other@example.com", "name": "Other Name"}"#;
    let other = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("type", "user.created"),
            ("event_id", &event),
            ("data", data),
        ])
        .finish();
    scene.post("/try/publish", &other).await;
    scene.post(&format!("/events/{event}/again"), "").await;
    let taken = scene.bus.taken();
    let [(_, other), (topic, again)] = &taken[..] else {
        panic!("{taken:?}");
    };
    let has = |data: &[u8], name: &str| String::from_utf8_lossy(data).contains(name);
    assert!(has(&other.data, "Other Name"));
    assert_eq!(topic, "user-events");
    assert!(has(&again.data, "Secret Name"), "{:?}", again.data);
    assert!(!has(&again.data, "Other Name"), "{:?}", again.data);
}
