//! Processes and read models that an operator looks after.

use super::plain;
use super::scene::Scene;

#[tokio::test]
async fn a_list_of_processes_that_is_cut_off_leads_to_the_older_ones() {
    let scene = Scene::new().await;
    for number in 0..51 {
        let at = scene.after(1_000 * number);
        let key = format!("ord_{number:02}");
        scene.stuck_process(&key, at, &plain()).await;
    }
    let shown =
        |list: &str, number: u32| list.contains(&format!("/processes/order/ord_{number:02}\""));
    let first = scene.main("/processes").await;
    assert!(shown(&first, 50) && shown(&first, 1) && !shown(&first, 0));
    let (_, rest) = first.split_once("There are <a href=\"").unwrap();
    let (older, said) = rest.split_once("\">").unwrap();
    assert!(said.starts_with("older ones that are stuck"), "{said}");
    let last = scene.main(&older.replace("&#38;", "&")).await;
    assert!(shown(&last, 0) && !shown(&last, 1) && !last.contains("There are"));
    let live = format!(
        "/live?of={}",
        crate::console::words::escaped(&older.replace("&#38;", "&"))
    );
    let mut answer = scene.get(&live).await;
    let mut sent = String::new();
    while !sent.contains("ord_00") {
        let part = answer.chunk().await.unwrap().expect("more is sent");
        sent.push_str(&String::from_utf8_lossy(&part));
    }
    assert!(!sent.contains("ord_01"));
}

#[tokio::test]
async fn a_rebuild_can_be_given_up() {
    let scene = Scene::new().await;
    scene.post("/projections/feed/rebuild", "").await;
    let building = scene.main("/projections").await;
    assert!(building.contains("generation 2: "), "{building}");
    scene.post("/projections/feed/cancel", "").await;
    let given_up = scene.main("/projections").await;
    assert!(!given_up.contains("generation 2"), "{given_up}");
}
