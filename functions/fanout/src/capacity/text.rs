//! An estimate for people.

use std::fmt::Write as _;

use super::estimate::{Estimate, Instances, Rate, Stored};
use super::limits::{Broken, Limit};

/// How many limits are shown, the nearest first.
const NEAREST: usize = 5;

/// The whole answer.
pub(super) fn of(estimate: &Estimate) -> String {
    let mut out = String::new();
    line(&mut out, "sign-ups", &a_second(&estimate.signups_a_second));
    line(
        &mut out,
        "deliveries",
        &a_second(&estimate.deliveries_a_second),
    );
    out.push_str("\ninstances at the peak\n");
    for of in &estimate.instances {
        line(&mut out, of.service, &needed(of));
    }
    store(&mut out, estimate);
    out.push_str("\nPub/Sub\n");
    let bus = &estimate.pubsub;
    line(
        &mut out,
        "published",
        &megabytes(&bus.published_bytes_a_second),
    );
    line(&mut out, "pushed", &megabytes(&bus.pushed_bytes_a_second));
    stored(&mut out, &estimate.stored);
    out.push_str("\nnearest limits, at the peak\n");
    for limit in estimate.limits.iter().take(NEAREST) {
        let _ = writeln!(out, "  {}", near(limit));
    }
    out.push_str("\nwhat breaks\n");
    for broken in &estimate.breaks {
        breaks(&mut out, broken);
    }
    out.push_str("\ndollars a month, list prices of November 2026\n");
    for of in &estimate.dollars_a_month {
        let _ = writeln!(out, "  {:<56}{:>12.2}", of.what, of.dollars);
    }
    let _ = writeln!(
        out,
        "  {:<56}{:>12.2}",
        "together", estimate.together_a_month
    );
    out
}

fn store(out: &mut String, estimate: &Estimate) {
    let of = &estimate.firestore;
    out.push_str("\nFirestore\n");
    let one = of.per_signup;
    let counts = format!(
        "{} written, {} read, {} deleted by it and what it leads to",
        one.writes, one.reads, one.deletes
    );
    line(out, "a sign-up", &counts);
    line(out, "writes", &a_second(&of.writes_a_second));
    line(out, "reads", &a_second(&of.reads_a_second));
    line(out, "deletes", &a_second(&of.deletes_a_second));
    let ramp = match of.ramp_minutes {
        0 => "none: below 500 a second in every collection".to_owned(),
        minutes => format!("{minutes} min from 500 a second, half as much again every 5 min"),
    };
    line(out, "ramp", &ramp);
}

fn stored(out: &mut String, stored: &Stored) {
    out.push_str("\nstored, once as much expires as comes\n");
    let of = |count, gib: f64| format!("{}, {gib:.1} GiB", grouped(count));
    line(out, "marks", &of(stored.marks, stored.marks_gib));
    line(out, "events", &of(stored.events, stored.events_gib));
    let grows = format!("grows by {:.1} GiB a month", stored.grows_gib_a_month);
    line(out, "all else", &grows);
}

fn breaks(out: &mut String, broken: &Broken) {
    let times = match broken.times {
        1 => "as it is".to_owned(),
        times => format!("{times} times"),
    };
    if broken.what.is_empty() {
        line(out, &times, "nothing");
    }
    for limit in &broken.what {
        line(
            out,
            &times,
            &format!("{}; moved by: {}", near(limit), limit.moved_by),
        );
    }
}

fn near(limit: &Limit) -> String {
    let Limit {
        what, used, limit, ..
    } = limit;
    format!("{} of {} {what}", grouped(*used), grouped(*limit))
}

fn needed(of: &Instances) -> String {
    let allowed = match of.allowed {
        Some(allowed) => format!(" of {allowed}"),
        None => String::new(),
    };
    let milliseconds = of.seconds_a_request * 1e3;
    format!("{}{allowed}, {milliseconds:.0} ms a request", of.needed)
}

fn a_second(rate: &Rate) -> String {
    let [average, peak] = [rate.average, rate.peak].map(grouped);
    format!("{average} a second, {peak} at the peak")
}

fn megabytes(rate: &Rate) -> String {
    format!(
        "{:.2} MB a second, {:.2} at the peak",
        rate.average / 1e6,
        rate.peak / 1e6
    )
}

fn line(out: &mut String, name: &str, what: &str) {
    let _ = writeln!(out, "  {name:<18}{what}");
}

/// A number with commas, and with two digits after the point where it is small.
fn grouped(number: f64) -> String {
    if number < 100.0 && number.fract() != 0.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let first = digits.len() % 3;
    let groups = digits.as_bytes().chunks(3);
    if first == 0 {
        return joined(groups);
    }
    let (head, tail) = digits.split_at(first);
    match tail {
        "" => head.to_owned(),
        tail => format!("{head},{}", joined(tail.as_bytes().chunks(3))),
    }
}

fn joined(groups: std::slice::Chunks<'_, u8>) -> String {
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}
