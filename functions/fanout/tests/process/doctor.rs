//! `fanout doctor`, as its users run it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::running::Running;

fn terraform() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform")
}

fn doctor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .arg("doctor")
        .args(arguments)
        .env_remove("PUBSUB_EMULATOR_HOST");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn on(folder: &Path, more: &[&str]) -> Output {
    doctor(more)
        .arg("--terraform")
        .arg(folder)
        .output()
        .unwrap()
}

/// The folder with one file changed.
fn broken() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(terraform().join("."))
        .arg(copy.path())
        .status();
    assert!(copied.unwrap().success());
    let file = copy.path().join("modules/event-topic/subscriptions.tf");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("ttl = \"\"", "ttl = \"86400s\"")).unwrap();
    copy
}

#[test]
fn the_repository_s_own_folder_is_sound() {
    let output = on(&terraform(), &[]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("The live project was not read"), "{said}");
    let output = doctor(&[]).current_dir(terraform().join("..")).output();
    assert_eq!(output.unwrap().status.code(), Some(0));
}

#[test]
fn a_finding_has_a_line_a_rule_and_a_reason() {
    let copy = broken();
    let output = on(copy.path(), &[]);
    let said = text(&output.stdout).replace(&copy.path().display().to_string(), "terraform");
    assert_eq!(output.status.code(), Some(1), "{said}");
    insta::assert_snapshot!(said);
    let output = on(copy.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout).replace(&copy.path().display().to_string(), "terraform");
    let said: Value = serde_json::from_str(&said).unwrap();
    insta::assert_json_snapshot!(said["findings"]);
}

#[test]
fn no_folder_is_wrong_use_with_the_next_step() {
    let empty = tempfile::tempdir().unwrap();
    let output = doctor(&[]).current_dir(empty.path()).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("there is no Terraform folder terraform: run this in the repository's root"),
        "{said}"
    );
    let output = on(empty.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("holds no Terraform files"));
}

/// The embedded broker speaks Pub/Sub's REST API, and is no production: its retries are quick.
#[test]
fn a_live_project_is_read_and_compared() {
    let data = tempfile::tempdir().unwrap();
    let running = Running::start(data.path());
    let host = running.url("pubsub", "").replace("http://", "");
    let folder = terraform();
    let output = doctor(&["--project", "my-project", "--terraform"])
        .arg(&folder)
        .env("PUBSUB_EMULATOR_HOST", &host)
        .output()
        .unwrap();
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{said}{}",
        text(&output.stderr)
    );
    assert!(
        said.contains(
            "projects/my-project/subscriptions/user-events-crm: 5 attempts are 15 s apart in all"
        ),
        "{said}"
    );
    assert!(
        said.contains(&format!("projects/my-project at http://{host}\n")),
        "{said}"
    );
    assert!(!said.contains("was not read;"), "{said}");
    assert!(
        !said.contains("subscriptions.tf"),
        "the folder itself is sound: {said}"
    );
}

#[test]
fn a_live_project_that_does_not_answer_is_an_error() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = terraform();
    let output = doctor(&["--project", "p", "--terraform"])
        .arg(&folder)
        .env("PUBSUB_EMULATOR_HOST", closed.to_string())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("does not answer"));
}
