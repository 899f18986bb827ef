//! A rebuild with an event at every moment of it.

use std::time::Duration;

use super::Deed;
use crate::crash_simulation::broken::Broken;
use crate::crash_simulation::bus::Mischief;
use crate::crash_simulation::exhaustive::case_named;
use crate::crash_simulation::script::{Step, Timed};
use crate::crash_simulation::world::Case;

/// How many moments there are, from when an event is on its way as a rebuild begins to when the event
/// comes after it.
const MOMENTS: u64 = 40;
/// A call takes longer, so there is a moment between any two.
const APART: Duration = Duration::from_millis(2);
/// What happens at each: a post, a follow, or both, delivered twice.
pub(crate) const CASES: u64 = 3 * MOMENTS;

/// When an operator has a generation built, and has it moved on once all know of it.
const BEGUN: Duration = Duration::from_secs(1);
const MOVED_ON: Duration = Duration::from_secs(62);
/// Longer than an event is on its way.
const LEAD: Duration = Duration::from_millis(20);
/// Longer than an event and a rebuild take.
const OVER: Duration = Duration::from_millis(80);

/// The case of this number. The same happens about the begin of a rebuild and about its end.
pub(crate) fn case(number: u64, broken: Option<Broken>) -> Case {
    let (what, moment) = (number % 3, (number / 3) as u32 * APART);
    let mut deeds = vec![
        (Duration::ZERO, Deed::Follow(1, 1)),
        (BEGUN / 2, Deed::Post(1, 1)),
        // What the instance that writes knows is nearly as old as it may be at the end.
        (MOVED_ON - Duration::from_secs(29), Deed::Post(4, 1)),
    ];
    for (number, about) in [(2, BEGUN), (3, MOVED_ON)] {
        let then = about + moment - LEAD;
        deeds.push((about, Deed::Rebuild));
        if what != 1 {
            deeds.push((then, Deed::Post(number, 1)));
        }
        if what != 0 {
            deeds.push((then, Deed::Follow(number, 1)));
        }
        deeds.extend([0, 1].map(|instance| (about + OVER, Deed::Read(1, instance))));
    }
    let plain = case_named("feed:", broken);
    let script = deeds.into_iter().map(|(at, deed)| Timed {
        at,
        step: Step::Feed(deed),
    });
    Case {
        script: script.collect(),
        mischief: Mischief {
            twice: if what == 2 { 1.0 } else { 0.0 },
            ..plain.mischief
        },
        ..plain
    }
}
