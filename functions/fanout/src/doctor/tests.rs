//! Each rule is broken once, in a copy of this repository's own Terraform folder.

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
const TOPIC: &str = "modules/event-topic/topic.tf";
const SYSTEM: &str = "variables-system.tf";
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
fn a_subscription_without_dead_letter_topic_is_found() {
    let copy = Copy::new();
    let block = "  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters[each.key].id
    max_delivery_attempts = var.delivery.max_delivery_attempts
  }
";
    copy.change(SUBSCRIPTIONS, block, "");
    let line = copy.line_of(SUBSCRIPTIONS, PUSH);
    // Google's own five attempts are 150 s apart in all, which outlasts a lease: no second finding.
    let with = copy.finds(
        Rule::DeadLetterTopic,
        SUBSCRIPTIONS,
        line,
        "there is no dead-letter topic",
    );
    assert_eq!(with, ALL);
}

#[test]
fn dead_letters_that_go_elsewhere_than_the_consumer_parks_are_found() {
    let copy = Copy::new();
    copy.change(
        SUBSCRIPTIONS,
        "google_pubsub_topic.dead_letters[each.key].id",
        "google_pubsub_topic.dead_letters[\"crm\"].id",
    );
    let line = copy.line_of(SUBSCRIPTIONS, "    dead_letter_topic ");
    let found = findings(&copy.flags());
    let of_rule: Vec<&Finding> = found
        .iter()
        .filter(|found| found.rule == Rule::DeadLetterTopic)
        .collect();
    assert_eq!(of_rule.len(), 2, "{found:#?}");
    assert!(of_rule.iter().all(|found| {
        found
            .place
            .to_string()
            .ends_with(&format!("{SUBSCRIPTIONS}:{line}"))
    }));
}

#[test]
fn a_dead_letter_topic_that_nothing_subscribes_to_is_found() {
    let copy = Copy::new();
    copy.change(
        DEAD_LETTERS,
        "resource \"google_pubsub_subscription\"",
        "resource \"google_pubsub_nothing\"",
    );
    copy.change(
        GRANTS,
        "google_pubsub_subscription.dead_letters[each.key].name",
        "\"x\"",
    );
    let line = copy.line_of(DEAD_LETTERS, "  name    =");
    let found = findings(&copy.flags());
    let problem = "nothing subscribes to this dead-letter topic";
    assert_eq!(found[0].rule, Rule::DeadLetterSubscription);
    assert_eq!(found[0].problem, problem);
    assert!(
        found[0]
            .place
            .to_string()
            .ends_with(&format!("{DEAD_LETTERS}:{line}"))
    );
    assert_eq!(found[0].with.len(), 3);
    // What is not there cannot be kept long enough either.
    assert!(
        found[1..]
            .iter()
            .all(|found| found.rule == Rule::MarksOutliveRedrive),
        "{found:#?}"
    );
}

#[test]
fn a_subscription_that_expires_is_found() {
    let copy = Copy::new();
    let line = copy.change(SUBSCRIPTIONS, "    ttl = \"\"", "    ttl = \"2678400s\"");
    let problem = "it expires after 2678400s without use";
    assert_eq!(
        copy.finds(Rule::NeverExpires, SUBSCRIPTIONS, line, problem),
        ALL
    );

    let copy = Copy::new();
    copy.change(
        DEAD_LETTERS,
        "  expiration_policy {\n    ttl = \"\"\n  }\n",
        "",
    );
    let line = copy.line_of(DEAD_LETTERS, "resource \"google_pubsub_subscription\"");
    let problem = "it expires after 31 idle days, the default";
    assert_eq!(
        copy.finds(Rule::NeverExpires, DEAD_LETTERS, line, problem)
            .len(),
        3
    );
}

#[test]
fn each_missing_grant_of_pubsub_itself_is_found() {
    let publisher =
        "Pub/Sub's own account may not publish on its dead-letter topic (roles/pubsub.publisher)";
    let copy = Copy::new();
    copy.change(GRANTS, "roles/pubsub.publisher", "roles/pubsub.viewer");
    let line = copy.line_of(SUBSCRIPTIONS, "  name    =");
    assert_eq!(
        copy.finds(Rule::ForwardingRights, SUBSCRIPTIONS, line, publisher),
        ALL
    );

    let subscriber =
        "Pub/Sub's own account may not ack on the subscription (roles/pubsub.subscriber)";
    for (from, to) in [
        (
            "google_pubsub_subscription.push[each.key].name",
            "google_pubsub_subscription.dead_letters[each.key].name",
        ),
        (
            "  role         = \"roles/pubsub.subscriber\"\n  member       = local._pubsub_agent",
            "  role         = \"roles/pubsub.subscriber\"\n  member       = \"user:a@example.com\"",
        ),
    ] {
        let copy = Copy::new();
        copy.change(GRANTS, from, to);
        assert_eq!(
            copy.finds(Rule::ForwardingRights, SUBSCRIPTIONS, line, subscriber),
            ALL
        );
    }
}

#[test]
fn push_identities_that_may_do_more_or_less_are_found() {
    let identity = "      service_account_email =";
    let copy = Copy::new();
    copy.change(
        "consumers.tf",
        "invokers = { push =",
        "invokers = { other = \"user:a@example.com\", x =",
    );
    assert_eq!(findings(&copy.flags()), []);
    copy.change("consumers.tf", "invokers = { other =", "invokers = {} #");
    let line = copy.line_of(SUBSCRIPTIONS, identity);
    let problem = "the push identity may call no service (roles/run.invoker)";
    assert_eq!(
        copy.finds(Rule::PushIdentity, SUBSCRIPTIONS, line, problem),
        ALL
    );

    let copy = Copy::new();
    copy.change(
        "services.tf",
        "invokers = each.value.outbox_relay ? {",
        "invokers = each.value.outbox_relay ? { push = local.push_identities[\"crm\"].member,",
    );
    let problem = "the push identity may call more than one service (roles/run.invoker)";
    assert_eq!(
        copy.finds(Rule::PushIdentity, SUBSCRIPTIONS, line, problem),
        ["user-events-crm"]
    );

    let copy = Copy::new();
    let from = "push_endpoint        = \"${module.consumer[name].url}/pubsub/push\"";
    copy.change(
        "topics.tf",
        from,
        "push_endpoint = \"https://elsewhere.example/${name}\"",
    );
    assert_eq!(findings(&copy.flags()).len(), 3);

    let copy = Copy::new();
    copy.change(SUBSCRIPTIONS, "    oidc_token {\n      service_account_email = each.value.push_service_account\n      audience              = each.value.push_audience\n    }\n", "");
    let line = copy.line_of(SUBSCRIPTIONS, PUSH);
    let problem = "it pushes without an identity";
    assert_eq!(
        copy.finds(Rule::PushIdentity, SUBSCRIPTIONS, line, problem),
        ALL
    );
}

#[test]
fn a_push_identity_that_may_call_the_whole_project_is_found() {
    let copy = Copy::new();
    let grant = "
resource \"google_project_iam_member\" \"wide\" {
  project = var.project_id
  role    = \"roles/run.invoker\"
  member  = local.push_identities[\"email\"].member
}
";
    let file = copy.0.path().join("wide.tf");
    fs::write(file, grant).unwrap();
    let problem = "the push identity may call every service of the project";
    assert_eq!(
        copy.finds(Rule::PushIdentity, "wide.tf", 4, problem),
        ["user-events-email"]
    );
}

#[test]
fn a_filter_that_differs_from_the_code_is_found() {
    let line = Copy::new().line_of(SUBSCRIPTIONS, "  filter  =");
    for (file, from, to, problem, with) in [
        (
            SYSTEM,
            "crm       = { event_types = [\"user.created\", \"user.updated\", \"user.deleted\"] }",
            "crm       = { event_types = [\"user.created\", \"user.updated\"] }",
            "the filter holds back user.deleted, which the consumer handles",
            &ALL[1..2],
        ),
        (
            SYSTEM,
            "analytics = { event_types = [\"user.created\"] }",
            "analytics = { event_types = [\"user.created\", \"user.deleted\"] }",
            "the filter lets user.deleted through, which the consumer has no use for",
            &ALL[..1],
        ),
        (
            TOPIC,
            "[\"NOT attributes:\\\"ce-type\\\"\"]",
            "[]",
            "the filter holds back messages without a type",
            &ALL[..],
        ),
        (
            TOPIC,
            "[\"NOT attributes:\\\"ce-type\\\"\"]",
            "[\"NOT attributes:\\\"type\\\"\"]",
            "the filter lets every type through",
            &ALL[..],
        ),
    ] {
        let copy = Copy::new();
        copy.change(file, from, to);
        assert_eq!(copy.finds(Rule::Filter, SUBSCRIPTIONS, line, problem), with);
    }
    let copy = Copy::new();
    copy.change(SUBSCRIPTIONS, "  filter  = local._filters[each.key]\n", "");
    let line = copy.line_of(SUBSCRIPTIONS, PUSH);
    let problem = "there is no filter: the consumer gets every type";
    assert_eq!(copy.finds(Rule::Filter, SUBSCRIPTIONS, line, problem), ALL);
}

#[test]
fn consumers_of_one_side_only_are_found() {
    let copy = Copy::new();
    copy.change(
        SYSTEM,
        "    analytics = { event_types = [\"user.created\"] }\n",
        "",
    );
    let found = findings(&copy.flags());
    let problems: Vec<(usize, &str)> = found
        .iter()
        .map(|found| (found.rule.number(), found.problem.as_str()))
        .collect();
    assert_eq!(
        problems,
        [
            (2, "there is no such dead-letter topic"),
            (6, "a consumer of the code has no subscription")
        ]
    );

    let copy = Copy::new();
    copy.change(
        SYSTEM,
        "    analytics = {",
        "    loyalty = { event_types = [\"user.created\"] }\n    analytics = {",
    );
    let line = copy.line_of(SUBSCRIPTIONS, "  name    =");
    let problem = "cannot be checked: the code has no consumer of this subscription";
    assert_eq!(
        copy.finds(Rule::Filter, SUBSCRIPTIONS, line, problem),
        ["user-events-loyalty"]
    );
}

#[test]
fn numbers_that_contradict_each_other_are_found() {
    let line = |wanted: &str| Copy::new().line_of(SUBSCRIPTIONS, wanted);
    for (from, to, rule, at, problem) in [
        (
            "max_delivery_attempts      = optional(number, 20)",
            "max_delivery_attempts      = optional(number, 3)",
            Rule::BackoffOutlastsLease,
            line("    max_delivery_attempts"),
            "3 attempts are 30 s apart in all, and a lease is 60 s",
        ),
        (
            "lease_seconds              = optional(number, 60)",
            "lease_seconds              = optional(number, 9000)",
            Rule::BackoffOutlastsLease,
            line("    max_delivery_attempts"),
            "20 attempts are 8430 s apart in all, and a lease is 9000 s",
        ),
        (
            "ack_deadline_seconds       = optional(number, 60)",
            "ack_deadline_seconds       = optional(number, 45)",
            Rule::BudgetWithinDeadline,
            line("  ack_deadline_seconds "),
            "the ack deadline is 45 s, and a handler may work for 45 s",
        ),
        (
            "handler_budget_seconds     = optional(number, 45)",
            "handler_budget_seconds     = optional(number, 70)",
            Rule::BudgetWithinDeadline,
            line("  ack_deadline_seconds "),
            "the ack deadline is 60 s, and a handler may work for 70 s",
        ),
    ] {
        let copy = Copy::new();
        copy.change(SYSTEM, from, to);
        assert_eq!(copy.finds(rule, SUBSCRIPTIONS, at, problem), ALL, "{to}");
    }
    let copy = Copy::new();
    let at = copy.change(SUBSCRIPTIONS, "var.delivery.ack_deadline_seconds #", "50 #");
    let problem = "the ack deadline is 50 s, and the consumer takes it for 60 s";
    assert_eq!(
        copy.finds(Rule::BudgetWithinDeadline, SUBSCRIPTIONS, at, problem),
        ALL
    );
}

#[test]
fn marks_that_end_before_the_last_redrive_are_found() {
    let copy = Copy::new();
    let from = "retention_days             = optional(number, 7)";
    copy.change(
        SYSTEM,
        from,
        "retention_days             = optional(number, 14)",
    );
    let line = copy.line_of(DEAD_LETTERS, "  message_retention_duration");
    let problem = "a mark lives for 45 days, and a message for 14 and then 31 as a dead letter";
    assert_eq!(
        copy.finds(Rule::MarksOutliveRedrive, DEAD_LETTERS, line, problem)
            .len(),
        3
    );

    let copy = Copy::new();
    copy.change(
        SYSTEM,
        "mark_retention_days        = optional(number, 45)",
        "mark_retention_days        = optional(number, 60)",
    );
    let line = copy.line_of(SYSTEM, "variable \"delivery\"");
    let problem = "it says that marks live for 60 days, and the code keeps them for 45";
    copy.finds(Rule::MarksOutliveRedrive, SYSTEM, line, problem);
}

#[test]
fn a_field_that_is_indexed_or_never_deleted_is_found() {
    let field = "resource \"google_firestore_field\"";
    let both = ["processed_events.expires_at", "idempotency_keys.expires_at"];
    let copy = Copy::new();
    copy.change(FIRESTORE, "  ttl_config {}\n", "");
    let line = copy.line_of(FIRESTORE, field);
    assert_eq!(
        copy.finds(Rule::ExpiryField, FIRESTORE, line, "the field has no TTL"),
        both
    );
    for index in [
        "",
        "  index_config {\n    indexes {\n      order = \"ASCENDING\"\n    }\n  }\n",
    ] {
        let copy = Copy::new();
        copy.change(FIRESTORE, "  index_config {}\n", index);
        assert_eq!(
            copy.finds(Rule::ExpiryField, FIRESTORE, line, "the field is indexed"),
            both
        );
    }
    let copy = Copy::new();
    copy.change(
        FIRESTORE,
        "[\"idempotency_keys\", \"processed_events\"]",
        "[\"idempotency_keys\"]",
    );
    let found = findings(&copy.flags());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].with, ["processed_events.expires_at"]);
}

#[test]
fn an_index_that_trace_needs_and_nobody_makes_is_found() {
    let copy = Copy::new();
    let exemption = "
resource \"google_firestore_field\" \"subject\" {
  collection = \"processed_events\"
  field      = \"subject\"
  index_config {}
}
";
    fs::write(copy.0.path().join("more.tf"), exemption).unwrap();
    let with = copy.finds(Rule::TraceIndexes, "more.tf", 2, "the field is not indexed");
    assert_eq!(with, ["processed_events.subject"]);
}

#[test]
fn what_cannot_be_evaluated_is_a_finding_and_no_silent_pass() {
    let copy = Copy::new();
    let line = copy.change(
        SUBSCRIPTIONS,
        "local._filters[each.key]",
        "base64encode(each.key)",
    );
    let problem = "cannot be checked: the function base64encode";
    assert_eq!(copy.finds(Rule::Filter, SUBSCRIPTIONS, line, problem), ALL);

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
