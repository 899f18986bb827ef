//! The estimate: what so much needs.

use serde::Serialize;
use system::SERVICES;

use super::cost::{self, Line};
use super::limits::{self, Broken, Limit};
use super::load::{Load, Operations};

/// A commit's and a publish's round trip within a region, in seconds: what it takes to be safe in
/// two zones, and not what a fast day shows.
const ROUND_TRIP_SECONDS: f64 = 0.03;
/// CPU of a sign-up at user-service, rounded up (docs/PERFORMANCE.md, Producer).
const SIGN_UP_CPU_SECONDS: f64 = 0.5 / 1_000.0;
/// CPU of a delivery at a consumer, rounded up (docs/PERFORMANCE.md, Consumer).
const DELIVERY_CPU_SECONDS: f64 = 0.25 / 1_000.0;
/// An instance is filled so far, so that what comes at once finds room.
const FILLED: f64 = 0.6;
/// Cloud Run bills an instance's time in steps of 100 ms.
pub(super) const BILLED_STEP_SECONDS: f64 = 0.1;

/// What a load needs, costs and breaks.
#[derive(Debug, Serialize)]
pub(super) struct Estimate {
    pub(super) signups_a_second: Rate,
    pub(super) deliveries_a_second: Rate,
    pub(super) instances: Vec<Instances>,
    pub(super) firestore: Firestore,
    pub(super) pubsub: PubSub,
    pub(super) stored: Stored,
    pub(super) limits: Vec<Limit>,
    pub(super) breaks: Vec<Broken>,
    pub(super) dollars_a_month: Vec<Line>,
    pub(super) together_a_month: f64,
}

/// How often in a second.
#[derive(Debug, Serialize)]
pub(super) struct Rate {
    pub(super) average: f64,
    pub(super) peak: f64,
}

/// What a service needs at the peak.
#[derive(Debug, Serialize)]
pub(super) struct Instances {
    pub(super) service: &'static str,
    /// How long one request has to wait for others.
    pub(super) seconds_a_request: f64,
    pub(super) needed: u32,
    /// What the table gives it; nothing of a service that is not there.
    pub(super) allowed: Option<u32>,
    /// Instance time a second that is billed at the average rate.
    pub(super) billed: f64,
}

/// What the store has to take.
#[derive(Debug, Serialize)]
pub(super) struct Firestore {
    pub(super) per_signup: Operations,
    pub(super) reads_a_second: Rate,
    pub(super) writes_a_second: Rate,
    pub(super) deletes_a_second: Rate,
    /// New collections take 500 operations a second, and half as much again every 5 minutes.
    pub(super) ramp_minutes: u32,
}

/// What the bus has to take.
#[derive(Debug, Serialize)]
pub(super) struct PubSub {
    pub(super) published_bytes_a_second: Rate,
    pub(super) pushed_bytes_a_second: Rate,
}

/// What lies in the store once marks and events expire as fast as they come.
#[derive(Debug, Serialize)]
pub(super) struct Stored {
    pub(super) marks: f64,
    pub(super) marks_gib: f64,
    pub(super) events: f64,
    pub(super) events_gib: f64,
    /// Users, addresses, contacts and records of mails: these stay.
    pub(super) grows_gib_a_month: f64,
}

impl Estimate {
    /// What this load needs.
    pub(super) fn of(load: &Load) -> Self {
        let instances = instances(load);
        let dollars_a_month = cost::a_month(load, &instances);
        Self {
            signups_a_second: rate(load, 1.0),
            deliveries_a_second: rate(load, f64::from(load.consumers)),
            firestore: firestore(load),
            pubsub: PubSub {
                published_bytes_a_second: rate(load, cost::MESSAGE_BYTES),
                pushed_bytes_a_second: rate(load, pushed_bytes(load)),
            },
            stored: stored(load),
            limits: limits::of(load, &instances),
            breaks: limits::what_breaks(load),
            together_a_month: dollars_a_month.iter().map(|line| line.dollars).sum(),
            dollars_a_month,
            instances,
        }
    }
}

fn rate(load: &Load, of_one: f64) -> Rate {
    Rate {
        average: load.a_second() * of_one,
        peak: load.at_peak() * of_one,
    }
}

pub(super) fn pushed_bytes(load: &Load) -> f64 {
    f64::from(load.consumers) * cost::MESSAGE_BYTES
}

pub(super) fn instances(load: &Load) -> Vec<Instances> {
    // The commit, and the publish before the answer.
    let sign_up = 2.0 * ROUND_TRIP_SECONDS;
    let mut needs = vec![needed(load, "user-service", sign_up, SIGN_UP_CPU_SECONDS)];
    let consumer = |service, seconds| needed(load, service, seconds, DELIVERY_CPU_SECONDS);
    for reaction in load.reactions().take(3) {
        let store = f64::from(reaction.round_trips) * ROUND_TRIP_SECONDS;
        let mail = match reaction.service {
            "email-service" => load.mail_seconds,
            _ => 0.0,
        };
        needs.push(consumer(reaction.service, store + mail));
    }
    if load.consumers > 3 {
        needs.push(consumer("each further one", ROUND_TRIP_SECONDS));
    }
    needs
}

fn needed(load: &Load, service: &'static str, seconds: f64, cpu_seconds: f64) -> Instances {
    let spec = SERVICES.iter().find(|spec| spec.name == service);
    let concurrency = spec.map_or(80, |spec| spec.limits.concurrency);
    let busy = |rate: f64| {
        let slots = rate * seconds / f64::from(concurrency);
        slots.max(rate * cpu_seconds) / FILLED
    };
    // Requests that come by chance: the part of the time in which there is at least one.
    let in_use = 1.0 - (-load.a_second() * seconds.max(BILLED_STEP_SECONDS)).exp();
    Instances {
        service,
        seconds_a_request: seconds,
        needed: whole(busy(load.at_peak())).max(1),
        allowed: spec.map(|spec| spec.limits.max_instances),
        billed: in_use.max(busy(load.a_second())),
    }
}

fn firestore(load: &Load) -> Firestore {
    let per_signup = load.operations();
    let [reads, writes, deletes] = [per_signup.reads, per_signup.writes, per_signup.deletes]
        .map(|count| rate(load, count as f64));
    // The busiest collection is the events': a row is written, and marked as published.
    let steps = (2.0 * load.at_peak() / 500.0).log(1.5).ceil();
    Firestore {
        per_signup,
        reads_a_second: reads,
        writes_a_second: writes,
        deletes_a_second: deletes,
        ramp_minutes: 5 * whole(steps.max(0.0)),
    }
}

fn stored(load: &Load) -> Stored {
    let marks = load.signups_per_day * f64::from(load.consumers) * cost::MARK_DAYS;
    let events = load.signups_per_day * cost::EVENT_DAYS;
    Stored {
        marks,
        marks_gib: cost::gib(marks * cost::MARK_BYTES),
        events,
        events_gib: cost::gib(events * cost::EVENT_BYTES),
        grows_gib_a_month: cost::gib(load.a_month() * cost::KEPT_BYTES),
    }
}

/// The next whole number.
pub(super) fn whole(number: f64) -> u32 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float that is cast stops at the ends, and is not negative here"
    )]
    let number = number.ceil() as u32;
    number
}
