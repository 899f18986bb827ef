//! How long subscriptions live.

use crate::doctor::facts::{Expires, Facts};
use crate::doctor::rule::Checked;

/// No subscription expires.
pub(in crate::doctor) fn subscriptions(facts: &Facts, out: &mut Checked) {
    for subscription in &facts.subscriptions {
        out.looked_at += 1;
        let label = subscription.label();
        let fact = &subscription.expires;
        match out.said(fact, &label) {
            None | Some(Some(Expires::Never)) => {}
            Some(None) => out.find(
                &fact.place,
                "it expires after 31 idle days, the default",
                label,
            ),
            Some(Some(Expires::After(ttl))) => {
                out.find(
                    &fact.place,
                    format!("it expires after {ttl} without use"),
                    label,
                );
            }
        }
    }
}
