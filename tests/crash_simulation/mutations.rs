//! Looks for protocols that are broken on purpose.

use super::broken::Broken;
use super::exhaustive::first_that_shows;
use super::parallel;
use super::random;

/// How a broken protocol was found.
pub(crate) struct Found {
    pub(crate) broken: Broken,
    /// How many seeds found it, of how many.
    pub(crate) seeds: (u64, u64),
    /// The first promise that was broken.
    pub(crate) promise: Option<String>,
    /// The first case of its story that shows it.
    pub(crate) in_its_story: Option<String>,
}

/// Looks for each with at most this many seeds, and with every single fault of the story that is to
/// show it; goes on until `enough` seeds have found it, so that none is found by luck.
pub(crate) fn look_for(which: &[Broken], enough: u64, at_most: u64) -> Vec<Found> {
    parallel::each(which, |broken| {
        let (mut hits, mut seeds, mut promise) = (0, 0, None);
        while hits < enough && seeds < at_most {
            let case = match broken.story() {
                story if story.starts_with("order") => random::shop_case,
                story if story.starts_with("bank") => random::bank_case,
                story if story.starts_with("feed") => random::feed_case,
                story if story.starts_with("twin") => random::twin_case,
                _ => random::case,
            };
            let ran = case(seeds, Some(*broken)).run();
            seeds += 1;
            if let Some(first) = ran.violations.into_iter().next() {
                hits += 1;
                promise.get_or_insert(first);
            }
        }
        Found {
            broken: *broken,
            seeds: (hits, seeds),
            promise,
            in_its_story: first_that_shows(*broken, broken.story()),
        }
    })
}
