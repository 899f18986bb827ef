//! Numbers that must agree. What a container is told counts for it; otherwise the code's own number.

use std::time::Duration;

use fanout_runtime::Timings;

use super::{dead_letters_of, event_subscriptions};
use crate::consumers::CONSUMERS;
use crate::doctor::facts::{Fact, Facts, Subscription, parse_seconds};
use crate::doctor::rule::Checked;

/// The waits between all attempts together outlast the lease.
pub(in crate::doctor) fn backoff(facts: &Facts, out: &mut Checked) {
    for subscription in event_subscriptions(facts) {
        out.looked_at += 1;
        let label = subscription.label();
        let Some(lease) = told(
            facts,
            subscription,
            "LEASE_SECONDS",
            Timings::PRODUCTION.lease,
            out,
        ) else {
            continue;
        };
        let attempts = said_or(&subscription.max_attempts, 5.0, &label, out);
        // Without a retry policy Pub/Sub delivers again almost at once.
        let least = said_or(&subscription.min_backoff, Duration::ZERO, &label, out);
        let most = said_or(&subscription.max_backoff, Duration::ZERO, &label, out);
        let (Some(attempts), Some(least), Some(most)) = (attempts, least, most) else {
            continue;
        };
        let waits = sum_of_waits(attempts, least, most);
        if waits <= lease {
            let place = &subscription.max_attempts.place;
            let problem = format!(
                "{attempts} attempts are {} s apart in all, and a lease is {} s",
                waits.as_secs_f64(),
                lease.as_secs_f64()
            );
            out.find(place, problem, label);
        }
    }
}

/// Waits double from the least to the most.
fn sum_of_waits(attempts: f64, least: Duration, most: Duration) -> Duration {
    let mut wait = least.min(most);
    let mut sum = Duration::ZERO;
    let mut number = 1.0;
    while number < attempts.min(100.0) {
        sum += wait;
        wait = wait.saturating_mul(2).min(most);
        number += 1.0;
    }
    sum
}

/// A handler's budget ends before the ack deadline, and the container knows the deadline.
pub(in crate::doctor) fn budget(facts: &Facts, out: &mut Checked) {
    let code = Timings::PRODUCTION;
    for subscription in event_subscriptions(facts) {
        out.looked_at += 1;
        let label = subscription.label();
        let fact = &subscription.ack_deadline;
        // Google's own default.
        let deadline = said_or(fact, Duration::from_secs(10), &label, out);
        let budget = told(
            facts,
            subscription,
            "HANDLER_BUDGET_SECONDS",
            code.handler_budget,
            out,
        );
        let known = told(
            facts,
            subscription,
            "ACK_DEADLINE_SECONDS",
            code.ack_deadline,
            out,
        );
        let (Some(deadline), Some(budget), Some(known)) = (deadline, budget, known) else {
            continue;
        };
        if budget >= deadline {
            let problem = format!(
                "the ack deadline is {} s, and a handler may work for {} s",
                deadline.as_secs_f64(),
                budget.as_secs_f64()
            );
            out.find(&fact.place, problem, label.clone());
        } else if known != deadline {
            let problem = format!(
                "the ack deadline is {} s, and the consumer takes it for {} s",
                deadline.as_secs_f64(),
                known.as_secs_f64()
            );
            out.find(&fact.place, problem, label);
        }
    }
}

/// Marks live longer than a message can wait, become a dead letter, and be redriven.
pub(in crate::doctor) fn marks(facts: &Facts, out: &mut Checked) {
    let lifetime = Timings::PRODUCTION.mark_lifetime;
    // Google's own default.
    let week = Duration::from_secs(7 * 86_400);
    for subscription in event_subscriptions(facts) {
        let label = subscription.label();
        let retention = said_or(&subscription.retention, week, &label, out);
        let topic = dead_letters_of(subscription);
        let subscriptions = facts.subscriptions.iter();
        let letters =
            subscriptions.filter(|found| topic.is_some() && found.topic.get() == topic.as_ref());
        for letter in letters {
            out.looked_at += 1;
            let kept = said_or(&letter.retention, week, &letter.label(), out);
            let (Some(retention), Some(kept)) = (retention, kept) else {
                continue;
            };
            if lifetime <= retention + kept {
                let problem = format!(
                    "a mark lives for {} days, and a message for {} and then {} as a dead letter",
                    days(lifetime),
                    days(retention),
                    days(kept)
                );
                out.find(&letter.retention.place, problem, letter.label());
            }
        }
    }
    let copy = facts
        .surroundings
        .as_ref()
        .and_then(|around| around.mark_lifetime.as_ref());
    if let Some(fact) = copy
        && let Some(Some(copy)) = out.said(fact, "mark_retention_days")
        && *copy != lifetime
    {
        let (copy, code) = (days(*copy), days(lifetime));
        let problem =
            format!("it says that marks live for {copy} days, and the code keeps them for {code}");
        out.find(&fact.place, problem, "mark_retention_days");
    }
}

fn days(duration: Duration) -> f64 {
    duration.as_secs_f64() / 86_400.0
}

fn said_or<T: Clone>(fact: &Fact<T>, default: T, label: &str, out: &mut Checked) -> Option<T> {
    let said = out.said(fact, label)?;
    Some(said.cloned().unwrap_or(default))
}

/// The number that a subscription's consumer is told, or the code's own.
fn told(
    facts: &Facts,
    subscription: &Subscription,
    variable: &str,
    code: Duration,
    out: &mut Checked,
) -> Option<Duration> {
    let label = subscription.label();
    let Some(around) = &facts.surroundings else {
        return Some(code);
    };
    let consumer = CONSUMERS
        .iter()
        .find(|consumer| consumer.subscription() == label)?;
    let name = format!("{}-service", consumer.name);
    let Some(service) = around
        .services
        .iter()
        .find(|found| found.name.get() == Some(&name))
    else {
        out.cannot(
            &subscription.name.place,
            "there is no service that it is pushed to",
            label,
        );
        return None;
    };
    let environment = match &service.environment {
        Ok(environment) => environment,
        Err(unreadable) => {
            out.cannot(&unreadable.place, &unreadable.reason, label);
            return None;
        }
    };
    let Some(fact) = environment.get(variable) else {
        return Some(code);
    };
    match out.said(fact, &label)? {
        None => Some(code),
        Some(text) => match parse_seconds(&format!("{text}s")) {
            Ok(number) => Some(number),
            Err(reason) => {
                out.cannot(&fact.place, &reason, label);
                None
            }
        },
    }
}
