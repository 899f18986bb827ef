//! What Pub/Sub itself may do.

use super::{dead_letters_of, event_subscriptions};
use crate::doctor::facts::{Fact, Facts, GrantedOn, Subscription, Surroundings};
use crate::doctor::rule::Checked;

/// Pub/Sub may publish on each dead-letter topic, and ack on each subscription that forwards to one.
pub(in crate::doctor) fn forwarding(facts: &Facts, around: &Surroundings, out: &mut Checked) {
    for unreadable in &around.unreadable {
        out.cannot(&unreadable.place, &unreadable.reason, "");
    }
    for subscription in event_subscriptions(facts) {
        let label = subscription.label();
        if let Some(topic) = dead_letters_of(subscription) {
            out.looked_at += 1;
            if !granted(around, GrantedOn::Topic, &topic, "roles/pubsub.publisher") {
                missing(
                    out,
                    subscription,
                    "publish on its dead-letter topic (roles/pubsub.publisher)",
                );
            }
            if !granted(
                around,
                GrantedOn::Subscription,
                &label,
                "roles/pubsub.subscriber",
            ) {
                missing(
                    out,
                    subscription,
                    "ack on the subscription (roles/pubsub.subscriber)",
                );
            }
        }
    }
    for grant in &around.grants {
        let pubsub = matches!(grant.on, GrantedOn::Topic | GrantedOn::Subscription);
        if pubsub {
            for fact in [&grant.name, &grant.role] {
                out.said(fact, "");
            }
            out.said(&grant.members, "");
        }
    }
}

fn missing(out: &mut Checked, subscription: &Subscription, what: &str) {
    let place = &subscription.name.place;
    out.find(
        place,
        format!("Pub/Sub's own account may not {what}"),
        subscription.label(),
    );
}

fn granted(around: &Surroundings, on: GrantedOn, name: &str, role: &str) -> bool {
    around.grants.iter().any(|grant| {
        let is =
            |fact: &Fact<String>, wanted: &str| fact.get().is_some_and(|found| found == wanted);
        let members = grant.members.get().map_or(&[] as &[String], Vec::as_slice);
        grant.on == on
            && is(&grant.name, name)
            && is(&grant.role, role)
            && members.iter().any(|member| is_pubsub(member))
    })
}

/// Pub/Sub's own account in a project, whatever the project's number.
fn is_pubsub(member: &str) -> bool {
    let start = "serviceAccount:service-";
    member.starts_with(start) && member.ends_with("@gcp-sa-pubsub.iam.gserviceaccount.com")
}
