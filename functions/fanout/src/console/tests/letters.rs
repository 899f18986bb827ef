//! What a redrive and a discarding say came of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;

use super::plain;
use super::scene::Scene;

/// The field of a form with what was planned for the letters of this consumer.
async fn plan(scene: &Scene, consumer: &str) -> String {
    let path = format!("/dead-letters/plan?consumer={consumer}");
    let html = scene.get(&path).await.text().await.unwrap();
    let (_, rest) = html.split_once(r#"name="plan" value=""#).unwrap();
    format!("plan={}", rest.split('"').next().unwrap())
}

/// The first line about a redrive by this plan, and how far it came, once it has ended.
async fn redriven(scene: &Scene, plan: &str) -> (String, String) {
    let job = scene.post("/dead-letters/redrive", plan).await;
    let ended = async {
        loop {
            let main = scene.main(&job).await;
            if main.contains("ended:") {
                return main;
            }
        }
    };
    let main = timeout(Duration::from_secs(20), ended).await.unwrap();
    let line = |of: &str| main.lines().find(|it| it.contains(of)).unwrap().to_owned();
    (line("ended:"), line("<progress"))
}

#[tokio::test]
async fn a_redrive_says_how_many_letters_were_redriven_and_not_how_many_were_meant() {
    let scene = Scene::new().await;
    scene.fill(&plain()).await;
    let plan = plan(&scene, "email").await;
    scene.answer.store(503, Ordering::Relaxed);
    let (failed, none) = redriven(&scene, &plan).await;
    assert!(
        failed.contains("⊘ ended: 0 of 1 letter redriven<"),
        "{failed}"
    );
    assert!(none.contains(r#"max="1" value="0""#), "{none}");

    scene.answer.store(204, Ordering::Relaxed);
    let (done, all) = redriven(&scene, &plan).await;
    assert!(done.contains("✓ ended: 1 of 1 letter redriven<"), "{done}");
    assert!(all.contains(r#"max="1" value="1""#), "{all}");

    // As a second click or another tab does it: the letter is not there any more.
    let (late, none) = redriven(&scene, &plan).await;
    assert!(late.contains("⊘ ended: 0 of 1 letter redriven<"), "{late}");
    assert!(none.contains(r#"max="1" value="0""#), "{none}");
}

#[tokio::test]
async fn a_discarding_says_how_many_letters_were_discarded_and_not_how_many_were_meant() {
    let scene = Scene::new().await;
    scene.fill(&plain()).await;
    let plan = plan(&scene, "crm").await;
    let said = async || {
        scene.post("/dead-letters/discard", &plan).await;
        let deed = scene.page.log.latest().remove(0);
        (deed.well, deed.said)
    };
    let (well, first) = said().await;
    assert!(
        well && first.contains("discarded 1 letter of crm: kept in"),
        "{first}"
    );
    let none = "discarded 0 of 1 letter of crm: gone by now, or another command holds it";
    assert_eq!(said().await, (false, none.to_owned()));
    let files = std::fs::read_dir(scene.folder.path()).unwrap();
    assert_eq!(files.count(), 1, "nothing was written for nothing");
}
