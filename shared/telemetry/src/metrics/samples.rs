//! What has been counted, by family and labels.

use std::collections::BTreeMap;

use super::families::Family;

/// The upper bounds of a histogram's buckets in seconds, as the conventions of OpenTelemetry ask for.
pub(super) const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// How many were how long.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    /// How many were within each bound and above the one before.
    pub(super) within: [u64; BOUNDS.len()],
    pub(super) count: u64,
    pub(super) sum: f64,
}

/// One number of a family.
#[derive(Debug, Clone)]
pub(super) enum Sample {
    Value(f64),
    Histogram(Histogram),
}

/// The values of a family's labels, in their order.
type Labels = Vec<String>;

/// All numbers there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(BTreeMap<&'static str, BTreeMap<Labels, Sample>>);

impl Samples {
    pub(super) fn add_one(&mut self, family: &Family, labels: Labels) {
        match self.at(family, labels, || Sample::Value(0.0)) {
            Sample::Value(value) => *value += 1.0,
            Sample::Histogram(_) => {}
        }
    }

    pub(super) fn set(&mut self, family: &Family, labels: Labels, to: f64) {
        *self.at(family, labels, || Sample::Value(to)) = Sample::Value(to);
    }

    pub(super) fn observe(&mut self, family: &Family, labels: Labels, seconds: f64) {
        let empty = || Sample::Histogram(Histogram::default());
        match self.at(family, labels, empty) {
            Sample::Value(_) => {}
            Sample::Histogram(histogram) => histogram.observe(seconds),
        }
    }

    /// The numbers of a family, by the values of its labels.
    pub(super) fn of(&self, family: &Family) -> impl Iterator<Item = (&Labels, &Sample)> {
        self.0.get(family.name).into_iter().flatten()
    }

    fn at(
        &mut self,
        family: &Family,
        labels: Labels,
        first: impl FnOnce() -> Sample,
    ) -> &mut Sample {
        let numbers = self.0.entry(family.name).or_default();
        numbers.entry(labels).or_insert_with(first)
    }
}

impl Histogram {
    fn observe(&mut self, seconds: f64) {
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(within) = bucket.and_then(|bucket| self.within.get_mut(bucket)) {
            *within += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }
}
