//! One event, or one that causes two, every call of every port, every kind of fault; then a second
//! one on top.

use std::collections::BTreeMap;

use fanout_testkit::faults::Fault;

use super::broken::Broken;
use super::bus::Mischief;
use super::parallel;
use super::plan::{Faults, LATE, SeenCall};
use super::report::{Figures, command};
use super::script::{Step, Timed};
use super::stories::{STORIES, Story};
use super::ticks::Ticks;
use super::world::{Case, Ran};

/// What can happen to a call that changes something, by the name it has in a replay.
const OF_A_CHANGE: [(&str, Fault); 7] = [
    ("fail-before", Fault::FailBefore),
    ("fail-after", Fault::FailAfter),
    ("silent-before", Fault::SilentBefore),
    ("silent-after", Fault::SilentAfter),
    ("crash-before", Fault::CrashBefore),
    ("crash-after", Fault::CrashAfter),
    ("late", Fault::Delayed(LATE)),
];

/// What can happen to a read: without an effect, before and after are one.
fn of_a_read(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::FailBefore | Fault::SilentBefore | Fault::CrashBefore
    )
}

/// Which pairs of faults a story is told with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    None,
    /// Two crashes.
    OfCrashes,
    /// A crash and any fault, in either order.
    WithACrash,
}

impl Pairs {
    fn include(self, first: Fault, second: Fault) -> bool {
        match self {
            Self::None => false,
            Self::OfCrashes => first.is_crash() && second.is_crash(),
            Self::WithACrash => first.is_crash() || second.is_crash(),
        }
    }
}

impl Story {
    fn case(&self, broken: Option<Broken>, faults: BTreeMap<u64, Fault>) -> Case {
        let timed = |before: u32, step: &Step| Timed {
            at: before * self.apart,
            step: *step,
        };
        let script = (0..).zip(self.script);
        let afterwards = self.afterwards.iter();
        Case {
            seed: 0,
            script: script.map(|(at, step)| timed(at, step)).collect(),
            afterwards: afterwards.map(|step| timed(0, step)).collect(),
            consumers: self.consumers,
            with_past: self.with_past,
            on_one_machine: self.on_one_machine,
            faults: Faults::Exactly(faults),
            mischief: Mischief {
                twice: f64::from(u8::from(self.twice)),
                ..Mischief::default()
            },
            ticks: Ticks {
                doubled: f64::from(u8::from(self.twice)),
                ..Ticks::default()
            },
            skewed: false,
            tries: 2,
            broken,
            flow: self.flow,
        }
    }

    /// Tells the story without a fault, then with each single fault, and each of those again with a
    /// second fault at each later call. A second fault at an earlier call would be another pair's
    /// first, so each pair comes once.
    ///
    /// Left out because nothing can come of it: "after" faults of reads, which have no effect, faults
    /// of the reads after the last change, which find nothing to do, and of all but the first of the
    /// reads that the relay asks for at once. Left to chance (see
    /// `random`): two faults that the process lives through, and three or more.
    pub(crate) fn tell(&self) -> Figures {
        let mut figures = Figures::default();
        let plain = self.tell_with(BTreeMap::new(), &mut figures);
        let mut firsts = faults_from(0, &plain.calls);
        firsts.retain(|(_, fault)| !self.only_crashes || fault.is_crash());
        let told = parallel::each(&firsts, |first| {
            let mut figures = Figures::default();
            let once = self.tell_with([*first].into(), &mut figures);
            for second in faults_from(first.0 + 1, &once.calls) {
                if self.pairs.include(first.1, second.1) {
                    self.tell_with([*first, second].into(), &mut figures);
                }
            }
            figures
        });
        told.into_iter().fold(figures, Figures::merge)
    }

    fn tell_with(&self, faults: BTreeMap<u64, Fault>, figures: &mut Figures) -> Ran {
        let case = self.case(None, faults.clone());
        let ran = case.run();
        let replay = || command(&format!("SIM_CASE={}", named(self.name, &faults)));
        figures.add(&case, &ran, replay);
        ran
    }
}

/// The first single fault, or none at all, by which a story shows a broken protocol: the case's name in
/// a replay.
pub(crate) fn first_that_shows(broken: Broken, story: &str) -> Option<String> {
    let story = story_named(story);
    let told = |faults: BTreeMap<u64, Fault>| story.case(Some(broken), faults).run();
    let plain = told(BTreeMap::new());
    if !plain.violations.is_empty() {
        return Some(named(story.name, &BTreeMap::new()));
    }
    let mut singles = faults_from(0, &plain.calls).into_iter();
    let shows = singles.find(|fault| !told([*fault].into()).violations.is_empty());
    shows.map(|fault| named(story.name, &[fault].into()))
}

fn story_named(name: &str) -> &'static Story {
    let story = STORIES.iter().find(|story| story.name == name);
    story.expect("a story")
}

/// Every fault of every call from this one to the last that changes something.
fn faults_from(start: u64, calls: &[SeenCall]) -> Vec<(u64, Fault)> {
    let end = calls
        .iter()
        .rposition(|call| call.changes)
        .map_or(0, |it| it + 1);
    let calls = (0..).zip(&calls[..end]);
    let each = calls.filter(|(number, call)| *number >= start && !call.repeats);
    let each = each.flat_map(|(number, call)| {
        let kinds = OF_A_CHANGE.iter().map(|(_, fault)| *fault);
        let possible = kinds.filter(|fault| call.changes || of_a_read(*fault));
        possible.map(move |fault| (number, fault))
    });
    each.collect()
}

/// `change:3=crash-after,7=late`
fn named(story: &str, faults: &BTreeMap<u64, Fault>) -> String {
    let fault = |(number, fault): (&u64, &Fault)| {
        let named = OF_A_CHANGE.iter().find(|(_, known)| known == fault);
        format!("{number}={}", named.unwrap().0)
    };
    let faults: Vec<String> = faults.iter().map(fault).collect();
    format!("{story}:{}", faults.join(","))
}

/// The case of that name, as it was printed.
pub(crate) fn case_named(text: &str, broken: Option<Broken>) -> Case {
    let (name, faults) = text.split_once(':').expect("STORY:CALL=FAULT,CALL=FAULT");
    let fault = |text: &str| {
        let (number, kind) = text.split_once('=').expect("CALL=FAULT");
        let fault = OF_A_CHANGE.iter().find(|(known, _)| *known == kind);
        (number.parse().expect("a number"), fault.expect("a fault").1)
    };
    let faults = faults.split(',').filter(|it| !it.is_empty()).map(fault);
    story_named(name).case(broken, faults.collect())
}
