//! `fanout schema`, as its users run it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::operated::{Ended, operator_command};

const READER: &str = "shared/contracts/user/schemas/user.created/1.0/reader.json";

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = operator_command(&[&["schema"], arguments].concat());
    command.current_dir(folder);
    Ended::of(command)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(who).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_schemas_of_this_build_go_together_and_need_no_git_to_be_checked() {
    let ended = run(&root(), &["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let copied = tempfile::tempdir().unwrap();
    copy(
        &root().join("shared/contracts"),
        &copied.path().join("shared/contracts"),
    );
    let ended = run(copied.path(), &["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = run(copied.path(), &["check", "--against", "HEAD"]);
    assert_eq!(ended.code, Some(1), "there is no git here: {ended:?}");
}

#[test]
fn an_edit_is_found_by_its_sum_and_with_a_new_sum_against_a_revision() {
    let copied = tempfile::tempdir().unwrap();
    let folder = copied.path();
    copy(
        &root().join("shared/contracts"),
        &folder.join("shared/contracts"),
    );
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "Release"]);
    assert_eq!(run(folder, &["check", "--against", "HEAD"]).code, Some(0));
    let file = folder.join(READER);
    let mut schema: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    schema["properties"]["name"]["maxLength"] = 20.into();
    std::fs::write(&file, schema.to_string()).unwrap();
    let ended = run(folder, &["check", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let rules: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["rule"].as_str().unwrap())
        .collect();
    let expected = [
        "RELEASED_EDITED",
        "TYPE_NARROWED",
        "TYPE_WIDENED",
        "VERSION_NOT_RAISED",
    ];
    assert_eq!(rules, expected, "{found:#}");
    let sums = folder.join("shared/contracts/user/released.sha256");
    let kept = std::fs::read_to_string(&sums).unwrap();
    let kept = kept
        .lines()
        .filter(|line| !line.ends_with("user.created/1.0/reader.json"));
    std::fs::write(
        &sums,
        kept.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    let ended = run(folder, &["check", "--against", "HEAD"]);
    assert!(ended.stdout.contains("it differs from HEAD"), "{ended:?}");
    let ended = run(folder, &["check", "--against=-x"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[test]
fn the_list_says_who_publishes_and_who_reacts() {
    let ended = run(&root(), &["list", "--json"]);
    let listed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let created = &listed[0];
    assert_eq!(created["event_type"], "user.created");
    assert_eq!(created["publishes"][0], "user-service");
    assert_eq!(
        created["reacts"],
        serde_json::json!(["email", "analytics", "crm"])
    );
    assert_eq!(created["personal"], serde_json::json!(["email", "name"]));
    let ended = run(&root(), &["list"]);
    assert!(ended.stdout.starts_with("type "), "{ended:?}");
}
