//! Who pushes, and where to.

use super::event_subscriptions;
use crate::doctor::facts::{Facts, Grant, GrantedOn, Subscription, Surroundings};
use crate::doctor::rule::Checked;

const INVOKER: &str = "roles/run.invoker";

/// Each subscription pushes with an identity of its own, which may call one service: the one that
/// is pushed to.
pub(in crate::doctor) fn check(facts: &Facts, around: &Surroundings, out: &mut Checked) {
    let subscriptions: Vec<&Subscription> = event_subscriptions(facts).collect();
    for subscription in &subscriptions {
        out.looked_at += 1;
        let label = subscription.label();
        let fact = &subscription.push_identity;
        let Some(identity) = out.said(fact, &label) else {
            continue;
        };
        let Some(identity) = identity else {
            out.find(&fact.place, "it pushes without an identity", label);
            continue;
        };
        let shares = |other: &&&Subscription| {
            other.push_identity.get() == Some(identity) && other.label() != label
        };
        if let Some(other) = subscriptions.iter().find(shares) {
            let (one, two) = if label < other.label() {
                (label.clone(), other.label())
            } else {
                (other.label(), label.clone())
            };
            out.find(
                &fact.place,
                format!("{one} and {two} push as the same identity"),
                label.clone(),
            );
        }
        services_of(identity, subscription, around, out);
    }
    for grant in &around.grants {
        if matches!(grant.on, GrantedOn::Service | GrantedOn::Project) {
            for fact in [&grant.name, &grant.role] {
                out.said(fact, "");
            }
            out.said(&grant.members, "");
        }
    }
}

fn services_of(
    identity: &str,
    subscription: &Subscription,
    around: &Surroundings,
    out: &mut Checked,
) {
    let label = subscription.label();
    let member = format!("serviceAccount:{identity}");
    let invokes = |grant: &&Grant| {
        let members = grant.members.get();
        grant.role.get().is_some_and(|role| role == INVOKER)
            && members.is_some_and(|members| members.contains(&member))
    };
    let grants: Vec<&Grant> = around.grants.iter().filter(invokes).collect();
    if let Some(wide) = grants.iter().find(|grant| grant.on == GrantedOn::Project) {
        let problem = "the push identity may call every service of the project";
        out.find(&wide.role.place, problem, label.clone());
    }
    let on_services = grants.iter().filter(|grant| grant.on == GrantedOn::Service);
    let mut services: Vec<&String> = on_services.filter_map(|grant| grant.name.get()).collect();
    services.sort();
    services.dedup();
    let place = &subscription.push_identity.place;
    let [service] = services.as_slice() else {
        let problem = match services.is_empty() {
            true => format!("the push identity may call no service ({INVOKER})"),
            false => format!("the push identity may call more than one service ({INVOKER})"),
        };
        out.find(place, problem, label);
        return;
    };
    let Some(Some(endpoint)) = out.said(&subscription.push_endpoint, &label) else {
        return;
    };
    if !endpoint.starts_with(&format!("https://{service}-")) {
        let problem = format!("it pushes to {endpoint}, and the push identity may call {service}");
        out.find(&subscription.push_endpoint.place, problem, label);
    }
}
