//! Each rule is broken once, in a copy of this repository's own Terraform folder.

mod numbers;
mod rights;
mod topology;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::rule::Finding;
use super::*;

/// The repository's own folder.
fn terraform() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform")
}

fn flags(folder: &Path) -> DoctorFlags {
    DoctorFlags {
        terraform: folder.to_owned(),
        var_files: Vec::new(),
        project: None,
        json: false,
    }
}

fn report(flags: &DoctorFlags) -> Report {
    check(flags, &HashMap::new()).unwrap()
}

fn findings(flags: &DoctorFlags) -> Vec<Finding> {
    report(flags).findings().cloned().collect()
}

/// A copy of the folder that a test may change.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&terraform(), copy.path());
        Self(copy)
    }

    fn flags(&self) -> DoctorFlags {
        flags(self.0.path())
    }

    /// Changes a text that occurs in the file, and gives the number of the first line that changed.
    fn change(&self, file: &str, from: &str, to: &str) -> usize {
        let path = self.0.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let at = text
            .find(from)
            .unwrap_or_else(|| panic!("{file} does not say {from}"));
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        text[..at].matches('\n').count() + 1
    }

    fn line_of(&self, file: &str, wanted: &str) -> usize {
        let text = fs::read_to_string(self.0.path().join(file)).unwrap();
        let at = text
            .find(wanted)
            .unwrap_or_else(|| panic!("{file} does not say {wanted}"));
        text[..at].matches('\n').count() + 1
    }

    /// Exactly one finding: of this rule, in this place, in these words.
    fn finds(&self, rule: Rule, file: &str, line: usize, problem: &str) -> Vec<String> {
        let found = findings(&self.flags());
        let [only] = found.as_slice() else {
            panic!("{found:#?}");
        };
        assert_eq!((only.rule, only.problem.as_str()), (rule, problem));
        let place = format!("{}:{line}", self.0.path().join(file).display());
        assert_eq!(only.place.to_string(), place);
        only.with.clone()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

const SUBSCRIPTIONS: &str = "modules/event-topic/subscriptions.tf";
const DEAD_LETTERS: &str = "modules/event-topic/dead-letters.tf";
const GRANTS: &str = "modules/event-topic/iam.tf";
const SYSTEM: &str = "variables-system.tf";
const LOCALS: &str = "locals.tf";
const FIRESTORE: &str = "firestore.tf";

const ALL: [&str; 3] = [
    "user-events-analytics",
    "user-events-crm",
    "user-events-email",
];
const PUSH: &str = "resource \"google_pubsub_subscription\" \"push\"";

#[test]
fn the_repository_s_own_folder_has_no_finding() {
    let report = report(&flags(&terraform()));
    let text = report
        .text()
        .replace(&terraform().display().to_string(), "terraform");
    insta::assert_snapshot!(text);
}

#[test]
fn nor_has_it_with_the_values_of_an_environment_and_a_project() {
    for environment in ["dev", "prod"] {
        let mut flags = flags(&terraform());
        flags.var_files = vec![terraform().join(format!("environments/{environment}.tfvars"))];
        assert_eq!(findings(&flags), [], "{environment}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_a_finding_and_no_silent_pass() {
    let copy = Copy::new();
    let line = copy.change(
        SUBSCRIPTIONS,
        "each.value.push_service_account",
        "base64encode(each.key)",
    );
    let problem = "cannot be checked: the function base64encode";
    assert_eq!(
        copy.finds(Rule::PushIdentity, SUBSCRIPTIONS, line, problem),
        ALL
    );

    let copy = Copy::new();
    copy.change(
        SYSTEM,
        "ack_deadline_seconds       = optional(number, 60)",
        "ack_deadline_seconds       = optional(number)",
    );
    let found = findings(&copy.flags());
    assert!(!found.is_empty());
}

#[test]
fn a_folder_without_a_topology_does_not_pass() {
    let empty = tempfile::tempdir().unwrap();
    fs::write(empty.path().join("main.tf"), "locals {}\n").unwrap();
    let found = findings(&flags(empty.path()));
    let rules: std::collections::BTreeSet<usize> =
        found.iter().map(|found| found.rule.number()).collect();
    assert!((1..=10).all(|rule| rules.contains(&rule)), "{found:#?}");
}

#[test]
fn a_file_that_is_not_terraform_is_named_with_its_line() {
    let copy = Copy::new();
    fs::write(copy.0.path().join("broken.tf"), "locals {\n  a = = 1\n}\n").unwrap();
    let error = check(&copy.flags(), &HashMap::new())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("broken.tf:2: not Terraform's language"),
        "{error}"
    );
}
