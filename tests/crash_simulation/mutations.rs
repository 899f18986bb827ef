//! Looks for protocols that are broken on purpose.

use super::broken::Broken;
use super::exhaustive::first_that_shows;
use super::parallel;
use super::random;

/// How a broken protocol was found.
pub(crate) struct Found {
    pub(crate) broken: Broken,
    /// How many seeds it took, and the first promise that was broken.
    pub(crate) at_random: Option<(u64, String)>,
    /// The first case with a single fault that shows it.
    pub(crate) in_a_story: Option<String>,
}

/// Looks for each with at most this many seeds, and with every single fault.
pub(crate) fn look_for_all(seeds: u64) -> Vec<Found> {
    parallel::each(&Broken::ALL, |broken| {
        let at_random = (0..seeds).find_map(|seed| {
            let ran = random::case(seed, Some(*broken)).run();
            let first = ran.violations.into_iter().next();
            first.map(|what| (seed + 1, what))
        });
        Found {
            broken: *broken,
            at_random,
            in_a_story: first_that_shows(*broken),
        }
    })
}
