//! Each screen's HTML from a fixed state: nothing, some of everything, hostile texts; and what is sent of
//! it while it is looked at.

mod again;
mod ask_page;
mod events;
mod guard;
mod letters;
mod operated;
mod payload;
mod scene;

use std::time::Duration;

use scene::{Scene, Texts};
use tokio::time::timeout;

use super::words::escaped;

const HOSTILE: &str = "<script>hit()</script>\"'&{{7*7}}a\u{202e}b";

fn plain() -> Texts {
    let owned = str::to_owned;
    Texts {
        user: owned("usr_1"),
        request: owned("req_1"),
        name: owned("Secret Name"),
        told: owned("smtp_down"),
    }
}

fn hostile() -> Texts {
    Texts {
        user: HOSTILE.to_owned(),
        request: HOSTILE.to_owned(),
        name: HOSTILE.replace('\u{202e}', ""),
        told: HOSTILE.to_owned(),
    }
}

/// Every screen, by name, for an event with this id and these texts.
fn screens(event: &str, texts: &Texts) -> Vec<(&'static str, String)> {
    let (event, user) = (escaped(event), escaped(&texts.user));
    let request = escaped(&texts.request);
    vec![
        ("flow", "/".to_owned()),
        ("events", "/events".to_owned()),
        (
            "filtered",
            format!("/events?consumer=crm&user={user}&outcome=parked"),
        ),
        ("event", format!("/events/{event}")),
        ("payload", format!("/events/{event}/payload")),
        ("request", format!("/requests/{request}")),
        ("user", format!("/users/{user}")),
        ("letters", "/dead-letters".to_owned()),
        ("letter", format!("/dead-letters/email/{event}")),
        ("plan", "/dead-letters/plan?consumer=email".to_owned()),
        (
            "none_picked",
            "/dead-letters/plan?consumer=email&picked=yes".to_owned(),
        ),
        ("processes", "/processes".to_owned()),
        ("process", format!("/processes/order/ord_{user}")),
        ("models", "/projections".to_owned()),
        ("try", "/try".to_owned()),
    ]
}

#[tokio::test]
async fn every_screen_of_a_system_in_which_nothing_has_happened() {
    let scene = Scene::new().await;
    let all = screens("evt_none", &plain()).into_iter();
    // A process that is not there is no screen, and what can be tried is always the same.
    for (name, path) in all.filter(|(name, _)| !["process", "try"].contains(name)) {
        insta::assert_snapshot!(format!("empty_{name}"), scene.main(&path).await);
    }
    let tried = scene.main("/try").await;
    assert!(tried.contains("Nothing yet. Sign somebody up"), "{tried}");
}

#[tokio::test]
async fn every_screen_of_a_system_in_which_something_of_everything_has_happened() {
    let (scene, texts) = (Scene::new().await, plain());
    let event = scene.fill(&texts).await;
    for (name, path) in screens(&event, &texts) {
        let main = scene.main(&path).await;
        assert!(
            !main.to_lowercase().contains("secret@"),
            "{name} shows an address"
        );
        assert!(!main.contains("Secret Name"), "{name} shows a name");
        insta::assert_snapshot!(format!("normal_{name}"), main);
    }
}

#[tokio::test]
async fn every_screen_of_a_system_in_which_everything_is_hostile() {
    let (scene, texts) = (Scene::new().await, hostile());
    let event = scene.fill(&texts).await;
    for (name, path) in screens(&event, &texts) {
        let main = scene.main(&path).await;
        assert!(!main.contains("<script"), "{name} has markup of others");
        assert!(!main.contains("\"'&{{"), "{name} has quotes of others");
        insta::assert_snapshot!(format!("hostile_{name}"), main);
    }
}

#[tokio::test]
async fn an_event_that_the_bus_does_not_take_needs_a_hand() {
    let scene = Scene::new().await;
    assert!(scene.main("/").await.contains("Nothing. No dead letters"));
    let scene = Scene::new().await;
    scene.wait_for_the_bus(&plain()).await;
    let flow = scene.main("/").await;
    assert!(
        flow.contains("1 event not published, the oldest for 20.0 s"),
        "{flow}"
    );
}

#[tokio::test]
async fn a_screen_that_is_looked_at_is_sent_whole_and_holds_nothing_personal() {
    let (scene, texts) = (Scene::new().await, plain());
    let event = scene.fill(&texts).await;
    for (of, last) in [
        ("/".to_owned(), "#numbers"),
        (format!("/events/{event}"), "#life"),
    ] {
        let mut answer = scene.get(&format!("/live?of={}", escaped(&of))).await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut sent = String::new();
        while !sent.contains(&format!("hx-target=\"{last}\"")) {
            let chunk = timeout(Duration::from_secs(20), answer.chunk()).await;
            let chunk = chunk.unwrap().unwrap().unwrap();
            sent.push_str(&String::from_utf8_lossy(&chunk));
        }
        assert!(sent.contains("hx-target=\"#status\" hx-swap=\"innerMorph\""));
        // Only unnamed messages are swapped.
        assert!(!sent.contains("event:"), "{sent}");
        assert!(
            !sent.contains("Secret Name") && !sent.contains("secret@"),
            "{sent}"
        );
    }
}
