//! What a look at a payload shows, and what the log says of it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fanout_runtime::cloud_logging_to;
use serde_json::Value;

use super::plain;
use super::scene::Scene;

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Each look: the event's id, and whether it was uncovered.
    fn looks(&self) -> Vec<(String, bool)> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines = lines.filter(|line| line["message"] == "console showed a payload");
        let look = |line: Value| {
            let event = line["event_id"].as_str().unwrap().to_owned();
            (event, line["uncovered"].as_bool().unwrap())
        };
        lines.map(look).collect()
    }
}

/// The path of the payload of this consumer's one letter.
async fn letter_of(scene: &Scene, consumer: &str) -> String {
    let letters = scene.main("/dead-letters").await;
    let end = format!("/payload?letter={consumer}\"");
    let (head, _) = letters.split_once(&end).unwrap();
    let (_, id) = head.rsplit_once("/events/").unwrap();
    format!("/events/{id}/payload")
}

#[tokio::test]
async fn each_look_at_a_letter_is_logged_with_its_events_id_and_covered_is_what_it_says() {
    let (scene, log) = (Scene::new().await, Log::default());
    let event = scene.fill(&plain()).await;
    let (email, crm) = (
        letter_of(&scene, "email").await,
        letter_of(&scene, "crm").await,
    );
    let writer = log.clone();
    let _logging = tracing::subscriber::set_default(cloud_logging_to("p", move || writer.clone()));

    // Nobody can say of what is not JSON where a name stands in it.
    let covered = scene.main(&format!("{crm}?letter=crm")).await;
    assert!(
        covered.contains("What is personal is covered."),
        "{covered}"
    );
    assert!(!covered.contains("Secret Name"), "{covered}");
    assert!(
        !covered.contains("Download"),
        "it would uncover it: {covered}"
    );
    let uncovered = scene
        .main(&format!("{crm}?letter=crm&uncovered=true"))
        .await;
    assert!(uncovered.contains("Secret Name"), "{uncovered}");
    // It was typed by hand: it goes by the message that it was.
    let typed = "msg_17_1795176000002".to_owned();
    assert_eq!(log.looks(), [(typed.clone(), false), (typed.clone(), true)]);

    let shown = scene
        .main(&format!("{email}?letter=email&uncovered=true"))
        .await;
    assert!(shown.contains("secret@example.com"), "{shown}");
    assert!(
        shown.contains(&format!("href=\"/events/{event}\"")),
        "{shown}"
    );
    let file = scene.get(&format!("{email}.json?letter=email")).await;
    let file = file.bytes().await.unwrap();
    let offered = format!("Download all {} bytes", file.len());
    assert!(shown.contains(&offered), "{shown}");
    let (opened, downloaded) = ((event.clone(), true), (event, true));
    assert_eq!(log.looks()[2..], [opened, downloaded]);

    for path in ["/events/evt_none/payload", "/events/18/payload?letter=crm"] {
        let main = scene.main(path).await;
        assert!(
            main.contains("It is not kept") && !main.contains("in the log"),
            "{main}"
        );
    }
    assert_eq!(log.looks().len(), 4, "nothing was shown");
}
