//! Topics and subscriptions.

use super::*;

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
fn consumers_of_one_side_only_are_found() {
    let copy = Copy::new();
    copy.change(SYSTEM, "    crm = {}\n", "");
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
        "    loyalty = {}\n    analytics = {",
    );
    let line = copy.line_of(SUBSCRIPTIONS, "  name    =");
    let problem = "cannot be checked: the code has no consumer of this subscription";
    assert_eq!(
        copy.finds(Rule::Subscribed, SUBSCRIPTIONS, line, problem),
        ["user-events-loyalty"]
    );
}
