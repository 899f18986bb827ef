//! Numbers, and fields of the database.

use super::*;

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
    let (from, to) = ("mark_retention_days = 45", "mark_retention_days = 60");
    let line = copy.change(LOCALS, from, to);
    let problem = "it says that marks live for 60 days, and the code keeps them for 45";
    copy.finds(Rule::MarksOutliveRedrive, LOCALS, line, problem);
}

#[test]
fn a_field_that_is_indexed_or_never_deleted_is_found() {
    let field = "resource \"google_firestore_field\"";
    let all = [
        "events.expires_at",
        "idempotency_keys.expires_at",
        "processed_events.expires_at",
    ];
    let copy = Copy::new();
    copy.change(FIRESTORE, "  ttl_config {}\n", "");
    let line = copy.line_of(FIRESTORE, field);
    assert_eq!(
        copy.finds(Rule::ExpiryField, FIRESTORE, line, "the field has no TTL"),
        all
    );
    for index in [
        "",
        "  index_config {\n    indexes {\n      order = \"ASCENDING\"\n    }\n  }\n",
    ] {
        let copy = Copy::new();
        copy.change(FIRESTORE, "  index_config {}\n", index);
        assert_eq!(
            copy.finds(Rule::ExpiryField, FIRESTORE, line, "the field is indexed"),
            all
        );
    }
    let copy = Copy::new();
    copy.change(
        FIRESTORE,
        "idempotency_keys = {\n      expires_by = \"expires_at\"",
        "idempotency_keys = {",
    );
    let found = findings(&copy.flags());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].with, ["idempotency_keys.expires_at"]);
}

#[test]
fn an_index_that_trace_needs_and_nobody_makes_is_found() {
    let copy = Copy::new();
    copy.change(FIRESTORE, "[\"event_id\"], ", "");
    let line = copy.line_of(FIRESTORE, "resource \"google_firestore_field\" \"others\"");
    let problem = "the field is not indexed";
    let with = copy.finds(Rule::TraceIndexes, FIRESTORE, line, problem);
    assert_eq!(with, ["processed_events.event_id"]);
}
