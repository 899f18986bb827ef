//! Counts and times: 15 minutes in steps of five seconds, and the last ten seconds of each subscription.

use std::collections::{BTreeMap, VecDeque};

use fanout_runtime::Timestamp;

/// How many seconds a step is.
const STEP: i64 = 5;
/// How many steps are kept: 15 minutes.
pub(crate) const STEPS: usize = 180;
/// How many seconds of a subscription are kept.
const RECENT: i64 = 10;
/// Upper bounds of the classes of times, in milliseconds.
const BOUNDS: [u64; 28] = [
    1,
    2,
    3,
    4,
    6,
    8,
    12,
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    256,
    512,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    2 * 60_000,
    5 * 60_000,
    15 * 60_000,
    60 * 60_000,
    LONGEST,
    u64::MAX,
];

/// What is longer is shown as this: four hours.
const LONGEST: u64 = 4 * 60 * 60_000;

/// How many times fell into each class.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times([u32; BOUNDS.len()]);

impl Times {
    pub(crate) fn add(&mut self, milliseconds: u64) {
        let class = BOUNDS.iter().position(|bound| milliseconds <= *bound);
        if let Some(count) = class.and_then(|class| self.0.get_mut(class)) {
            *count = count.saturating_add(1);
        }
    }

    /// The bound below which this share of them lies, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> Option<u64> {
        let all: u32 = self.0.iter().sum();
        let wanted = (f64::from(all) * share).ceil();
        let mut below = 0.0;
        for (count, bound) in self.0.iter().zip(BOUNDS) {
            below += f64::from(*count);
            if *count > 0 && below >= wanted {
                return Some(bound.min(LONGEST));
            }
        }
        None
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }
}

/// Five seconds of the whole system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    /// In steps since 1970.
    at: i64,
    pub(crate) events: u32,
    /// From an event's publication to a consumer's being done with it.
    pub(crate) end_to_end: Times,
    /// What waited, where a page looked.
    pub(crate) waiting: Option<u64>,
}

/// One second of a subscription or a topic.
#[derive(Debug, Clone, Default)]
struct Second {
    at: i64,
    count: u32,
    failed: u32,
    times: Times,
}

/// The last seconds of a subscription or a topic, and how much it was in all.
#[derive(Debug, Default)]
struct Counted {
    seconds: VecDeque<Second>,
    all: u64,
}

/// What the last ten seconds tell of a subscription.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Recent {
    /// How many there were since the start.
    pub(crate) all: u64,
    /// Deliveries a second, whatever came of them.
    pub(crate) rate: f64,
    pub(crate) failed: u32,
    pub(crate) p95: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Meters {
    steps: VecDeque<Step>,
    recent: BTreeMap<String, Counted>,
}

impl Meters {
    fn step(&mut self, now: Timestamp) -> Option<&mut Step> {
        let at = now.timestamp() / STEP;
        if self.steps.back().is_none_or(|step| step.at < at) {
            self.steps.push_back(Step {
                at,
                ..Step::default()
            });
            if self.steps.len() > STEPS {
                self.steps.pop_front();
            }
        }
        self.steps.back_mut()
    }

    /// An event went to this topic.
    pub(crate) fn event(&mut self, topic: &str, now: Timestamp) {
        if let Some(step) = self.step(now) {
            step.events += 1;
        }
        self.count(topic, now, false, 0);
    }

    /// A consumer is done with an event that is this old.
    pub(crate) fn end_to_end(&mut self, age_ms: u64, now: Timestamp) {
        if let Some(step) = self.step(now) {
            step.end_to_end.add(age_ms);
        }
    }

    /// What waits now.
    pub(crate) fn waiting(&mut self, messages: u64, now: Timestamp) {
        if let Some(step) = self.step(now) {
            step.waiting = Some(messages);
        }
    }

    /// A delivery from this subscription has ended, or an event went to this topic.
    pub(crate) fn count(&mut self, whose: &str, now: Timestamp, failed: bool, took_ms: u64) {
        if !self.recent.contains_key(whose) {
            self.recent.insert(whose.to_owned(), Counted::default());
        }
        let Some(Counted { seconds, all }) = self.recent.get_mut(whose) else {
            return;
        };
        *all += 1;
        let at = now.timestamp();
        if seconds.back().is_none_or(|second| second.at < at) {
            let second = Second {
                at,
                ..Second::default()
            };
            seconds.push_back(second);
            while seconds.front().is_some_and(|it| it.at <= at - RECENT) {
                seconds.pop_front();
            }
        }
        if let Some(second) = seconds.back_mut() {
            second.count += 1;
            second.failed += u32::from(failed);
            second.times.add(took_ms);
        }
    }

    pub(crate) fn recent(&self, whose: &str, now: Timestamp) -> Recent {
        let Some(counted) = self.recent.get(whose) else {
            return Recent::default();
        };
        let since = now.timestamp() - RECENT;
        let (mut all, mut failed, mut times) = (0, 0, Times::default());
        for second in counted.seconds.iter().filter(|second| second.at > since) {
            all += second.count;
            failed += second.failed;
            times.merge(&second.times);
        }
        Recent {
            all: counted.all,
            rate: f64::from(all) / RECENT as f64,
            failed,
            p95: times.quantile(0.95),
        }
    }

    /// The last 15 minutes, oldest first, with the empty steps between those that were seen: each with
    /// the second at which it began.
    pub(crate) fn history(&self, now: Timestamp) -> Vec<(i64, Step)> {
        let last = now.timestamp() / STEP;
        let first = self.steps.front().map_or(last, |step| step.at);
        let first = first.max(last - STEPS as i64 + 1);
        let known = |at: i64| {
            let found = self.steps.binary_search_by_key(&at, |step| step.at);
            found.ok().and_then(|place| self.steps.get(place)).cloned()
        };
        (first..=last)
            .map(|at| (at * STEP, known(at).unwrap_or_default()))
            .collect()
    }

    /// Seconds in a step.
    pub(crate) fn step_seconds() -> f64 {
        STEP as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_class() {
        let mut times = Times::default();
        assert_eq!(times.quantile(0.5), None);
        (1..=100).for_each(|milliseconds| times.add(milliseconds));
        assert_eq!(times.quantile(0.5), Some(64));
        assert_eq!(times.quantile(0.95), Some(96));
        assert_eq!(times.quantile(1.0), Some(128));
    }

    #[test]
    fn what_is_older_than_ten_seconds_counts_no_more() {
        let mut meters = Meters::default();
        for second in 0..20 {
            meters.count("email", at(1_000 + second), second % 2 == 0, 3);
        }
        let recent = meters.recent("email", at(1_019));
        assert_eq!((recent.rate, recent.failed, recent.p95), (1.0, 5, Some(3)));
        assert_eq!(meters.recent("email", at(1_060)).rate, 0.0);
    }

    #[test]
    fn the_history_has_the_steps_in_which_nothing_happened_and_no_more_than_15_minutes() {
        let mut meters = Meters::default();
        meters.event("user-events", at(10_000));
        meters.event("user-events", at(10_010));
        let history = meters.history(at(10_019));
        let events: Vec<u32> = history.iter().map(|(_, step)| step.events).collect();
        assert_eq!(events, [1, 0, 1, 0]);
        assert_eq!(meters.history(at(20_000)).len(), STEPS);
    }
}
