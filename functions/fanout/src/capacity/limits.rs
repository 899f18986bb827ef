//! What has an end, how near it is, and which setting moves it.

use serde::Serialize;

use super::cost;
use super::estimate::{Instances, instances, pushed_bytes};
use super::load::Load;

/// Writes a second to one document, for long (Firestore's best practices).
const DOCUMENT_WRITES: f64 = 1.0;
/// Writes a second to an index over values that only rise (Firestore's best practices).
const RISING_INDEX_WRITES: f64 = 500.0;
/// Pub/Sub's default quota in a large region such as us-central1, in bytes a second.
const PUBLISH_QUOTA: f64 = 200e6;
/// The same of what is pushed.
const PUSH_QUOTA: f64 = 140e6;
/// How many documents share a day's count, unless `SIGNUP_SHARDS` says otherwise.
const COUNT_SHARDS: f64 = 16.0;

/// Something that ends, in its own unit.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Limit {
    pub(super) what: String,
    pub(super) used: f64,
    pub(super) limit: f64,
    /// What moves it.
    pub(super) moved_by: String,
}

impl Limit {
    /// How many times as much it would take.
    pub(super) fn headroom(&self) -> f64 {
        self.limit / self.used
    }
}

/// What no longer holds at a multiple of the load, the first to break first.
#[derive(Debug, Serialize)]
pub(super) struct Broken {
    pub(super) times: u32,
    pub(super) what: Vec<Limit>,
}

/// All limits at this load, the nearest first.
pub(super) fn of(load: &Load, instances: &[Instances]) -> Vec<Limit> {
    let peak = load.at_peak();
    let mut limits: Vec<_> = instances.iter().filter_map(of_instances).collect();
    limits.extend(
        load.reactions()
            .take(3)
            .filter_map(|reaction| match reaction.service {
                "analytics-service" => Some(limit(
                    "writes a second to the day's count, the hottest document",
                    peak / COUNT_SHARDS,
                    DOCUMENT_WRITES,
                    "SIGNUP_SHARDS of analytics-service, up to 64; above it count in batches",
                )),
                "crm-service" => Some(rising("contacts", peak)),
                "email-service" => Some(rising("emails", peak)),
                _ => None,
            }),
    );
    limits.extend([
        rising("users", peak),
        limit(
            "events a second, by `recorded_at` in the hottest index",
            peak,
            RISING_INDEX_WRITES * fanout_outbox::SHARDS as f64,
            "SHARDS in shared/outbox, for rows that are still to come",
        ),
        limit(
            "bytes a second published (quota)",
            peak * cost::MESSAGE_BYTES,
            PUBLISH_QUOTA,
            "Pub/Sub's quota for publisher throughput: ask for more",
        ),
        limit(
            "bytes a second pushed (quota)",
            peak * pushed_bytes(load),
            PUSH_QUOTA,
            "Pub/Sub's quota for push throughput: ask for more",
        ),
    ]);
    limits.sort_by(|a, b| a.headroom().total_cmp(&b.headroom()));
    limits
}

/// What breaks at this load, at ten and at a hundred times as much.
pub(super) fn what_breaks(load: &Load) -> Vec<Broken> {
    let at = |times: u32| {
        let load = load.times(f64::from(times));
        let mut what = of(&load, &instances(&load));
        what.retain(|limit| limit.headroom() < 1.0);
        Broken { times, what }
    };
    [1, 10, 100].map(at).into()
}

fn of_instances(of: &Instances) -> Option<Limit> {
    let allowed = of.allowed?;
    Some(limit(
        &format!("instances of {}", of.service),
        f64::from(of.needed),
        f64::from(allowed),
        &format!("overrides.{}.max_instances in Terraform", of.service),
    ))
}

/// A collection with automatic indexes, one of them over a time.
fn rising(collection: &str, peak: f64) -> Limit {
    limit(
        &format!("writes a second to {collection}, whose times are indexed"),
        peak,
        RISING_INDEX_WRITES,
        &format!("no_automatic_indexes() of {collection}, with the indexes that its queries need"),
    )
}

fn limit(what: &str, used: f64, limit: f64, moved_by: &str) -> Limit {
    Limit {
        what: what.to_owned(),
        used,
        limit,
        moved_by: moved_by.to_owned(),
    }
}
