//! Google's list prices for us-central1 in US dollars, as known in November 2026, without discounts
//! and free quotas. docs/COST.md says where they are published and what is counted.

use serde::Serialize;

use super::estimate::Instances;
use super::load::Load;

/// Days that a mark is kept.
pub(super) const MARK_DAYS: f64 = 45.0;
/// Days that a published event is kept, unless `EVENT_STORE_TTL_DAYS` says otherwise.
pub(super) const EVENT_DAYS: f64 = 90.0;
/// A mark, as Firestore counts it.
pub(super) const MARK_BYTES: f64 = 500.0;
/// An event with its index entries.
pub(super) const EVENT_BYTES: f64 = 1_700.0;
/// User, address, contact and record of the mail, with their index entries.
pub(super) const KEPT_BYTES: f64 = 7_950.0;
/// What Pub/Sub bills of a message at least.
pub(super) const MESSAGE_BYTES: f64 = 1_000.0;
/// What a topic keeps of a message, for 7 days.
const RETAINED_BYTES: f64 = 860.0;
/// A log line of ours and Cloud Run's own, of a request.
const LOG_BYTES: f64 = 1_800.0;

const SECONDS_A_MONTH: f64 = 30.0 * 86_400.0;
const INSTANCE_GIB: f64 = 0.25;
const DOLLARS_A_VCPU_SECOND: f64 = 0.000_024;
const DOLLARS_A_GIB_SECOND: f64 = 0.000_002_5;
const DOLLARS_A_GIB_MONTH: f64 = 0.15;

/// One line of the bill.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) what: &'static str,
    pub(super) dollars: f64,
}

/// The bill of a month with this load, once marks and events expire as fast as they come.
pub(super) fn a_month(load: &Load, instances: &[Instances]) -> Vec<Line> {
    let signups = load.a_month();
    let requests = signups * (1.0 + f64::from(load.consumers));
    let operations = load.operations();
    let marks = signups * f64::from(load.consumers);
    let stored = |bytes: f64, days: f64| gib(bytes) * days / 30.0 * DOLLARS_A_GIB_MONTH;
    let line = |what, dollars| Line { what, dollars };
    vec![
        line(
            "Firestore writes",
            signups * operations.writes as f64 * 0.09 / 1e5,
        ),
        line(
            "Firestore deletes, by TTL too",
            signups * operations.deletes as f64 * 0.01 / 1e5,
        ),
        line(
            "Firestore reads",
            signups * operations.reads as f64 * 0.03 / 1e5,
        ),
        line("Marks, for 45 days", stored(marks * MARK_BYTES, MARK_DAYS)),
        line(
            "Events, for 90 days",
            stored(signups * EVENT_BYTES, EVENT_DAYS),
        ),
        line(
            "Users, contacts and mails of a month, each month again",
            stored(signups * KEPT_BYTES, 30.0),
        ),
        line(
            "Pub/Sub: publishes and pushes",
            gib(requests * MESSAGE_BYTES) / 1_024.0 * 40.0,
        ),
        line(
            "Pub/Sub: the topic keeps messages for 7 days",
            gib(signups * RETAINED_BYTES) * 7.0 / 30.0 * 0.27,
        ),
        line("Cloud Run requests", requests * 0.40 / 1e6),
        line("Cloud Run CPU and memory", cpu_and_memory(load, instances)),
        line("Logs", gib(requests * LOG_BYTES) * 0.50),
        line("Ticker, its schedule, the SMTP address", 0.58),
        line("`min_instances = 1` of user-service", 8.20),
    ]
}

fn cpu_and_memory(load: &Load, instances: &[Instances]) -> f64 {
    let further = f64::from(load.consumers.saturating_sub(3));
    let billed = |of: &Instances| match of.allowed {
        Some(_) => of.billed,
        None => of.billed * further,
    };
    let seconds: f64 = instances.iter().map(billed).sum::<f64>() * SECONDS_A_MONTH;
    seconds * (DOLLARS_A_VCPU_SECOND + INSTANCE_GIB * DOLLARS_A_GIB_SECOND)
}

/// Bytes as GiB.
pub(super) fn gib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 30)
}
