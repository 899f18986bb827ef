//! Who may do what.

use super::*;

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
        "each.value.outbox_relay ? {",
        "each.value.outbox_relay ? { push = local.push_identities[\"crm\"].member,",
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
