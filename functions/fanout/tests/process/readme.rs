//! The commands of the README and of `docs/OPERATING.md` do what these say.

use std::process::Command;

use crate::running::{Running, fanout, wait_until};

const README: &str = include_str!("../../../../README.md");
const OPERATING: &str = include_str!("../../../../docs/OPERATING.md");

/// The ```` ```sh ```` blocks of a page.
pub(crate) fn blocks(page: &str) -> impl Iterator<Item = &str> {
    page.split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
}

/// All blocks that talk to a running system.
fn commands() -> String {
    let blocks = blocks(README).filter(|block| block.contains("localhost:808"));
    blocks.collect()
}

/// The commands on the ports of this system; the placeholder of a user's id filled in.
fn on(running: &Running, commands: &str, id: &str) -> String {
    let ports = [
        (8080, "user"),
        (8081, "email"),
        (8082, "analytics"),
        (8083, "crm"),
        (8085, "pubsub"),
        (8001, "order"),
        (8002, "inventory"),
    ];
    let moved = ports
        .iter()
        .fold(commands.to_owned(), |text, (port, name)| {
            let here = format!("localhost:{port}");
            if text.contains(&here) {
                text.replace(&here, running.url(name, "").trim_start_matches("http://"))
            } else {
                text
            }
        });
    let lines = moved.lines().map(|line| {
        if line.starts_with("id=") {
            format!("id={id}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn bash(script: &str) -> String {
    let config = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env("CLOUDSDK_CONFIG", config.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_curl_commands_show_what_the_readme_says() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let all = commands();
    let (sign_up, rest) = all.split_once("id=").unwrap();
    let answer = bash(&on(&running, sign_up, ""));
    let user: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let id = user["id"].as_str().unwrap();
    wait_until("the effects", || {
        let (_, mails) = running.get("email", &format!("/emails?user_id={id}"));
        mails["emails"]
            .as_array()
            .is_some_and(|mails| mails.len() == 1)
            && running.count() == 1
            && running.get("crm", &format!("/contacts/{id}")).0 == 200
    });
    let (looks, _gcloud) = rest.split_once("export ").unwrap();
    let shown = bash(&on(&running, &format!("id={looks}"), id));
    assert!(
        shown.contains(&format!(r#"{{"user_id":"{id}","email":"test@example.com""#)),
        "{shown}"
    );
    assert!(
        shown.contains(r#""template":"welcome","status":"sent""#),
        "{shown}"
    );
    assert!(shown.contains(r#""count":1}]}"#), "{shown}");
}

#[test]
fn the_orders_end_as_the_readme_says() {
    let data = tempfile::tempdir().unwrap();
    let mut command = fanout(data.path());
    command.args(["--system", "shop"]);
    let running = Running::of(command);
    let shop = blocks(README).find(|block| block.contains("localhost:8001"));
    let (order, look) = shop.unwrap().split_once("curl \"").unwrap();
    bash(&on(&running, order, ""));
    let look = on(&running, &format!("curl \"{look}"), "");
    wait_until("the orders' ends", || {
        let shown = bash(&look);
        let undone = concat!(
            r#""status":"cancelled","reason":"country_not_served","items":[{"product_id":"1","#,
            r#""quantity":2,"price":"999.99"}],"currency":"USD","total":"1999.98","#
        );
        shown.contains(r#""status":"confirmed""#)
            && shown.contains(undone)
            && shown.contains(r#""on_hand":48,"reserved":0"#)
    });
}

#[test]
#[cfg_attr(
    not(emulators),
    ignore = "needs gcloud, which comes with Google's emulators"
)]
fn the_gcloud_command_shows_what_the_readme_says() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let all = commands();
    let gcloud = format!("export {}", all.split_once("export ").unwrap().1);
    let (publish, look) = gcloud.split_at(gcloud.find("\ncurl").unwrap());
    assert!(bash(&on(&running, publish, "")).contains("messageIds:\n- '"));
    wait_until("the contact", || {
        running.get("crm", "/contacts/test-123").0 == 200
    });
    let contact = bash(&on(&running, look, ""));
    assert!(
        contact.contains(r#""user_id":"test-123","email":"manual@test.com""#),
        "{contact}"
    );
}

/// Each command of the page for operators, and what its answer must hold in the end.
#[test]
fn the_operators_commands_show_what_their_page_says() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let commands: Vec<&str> = blocks(OPERATING).flat_map(str::lines).collect();
    let shown = [
        "evt_",
        "crm",
        "published",
        "undecodable",
        "1",
        "1 undecodable",
        "crm: would push",
        "no processes",
        "No finding",
    ];
    assert_eq!(commands.len(), shown.len(), "{commands:?}");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    for (command, part) in commands.iter().zip(shown) {
        assert!(command.starts_with("cargo run -- "), "{command}");
        let command = command.replace("cargo run --", env!("CARGO_BIN_EXE_fanout"));
        let answer = || {
            let output = Command::new("bash")
                .args(["-c", &command])
                .current_dir(root)
                .env("FANOUT_DATA_DIR", data.path())
                .env("FANOUT_PUBSUB_URL", running.url("pubsub", ""))
                .env_remove("PUBSUB_EMULATOR_HOST")
                .env_remove("FIRESTORE_EMULATOR_HOST")
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        // What was published a moment ago has not arrived everywhere yet.
        wait_until(&command, || answer().contains(part));
    }
}
