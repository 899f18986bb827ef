//! One event, every call of every port, every kind of fault; then a second one on top.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout_testkit::faults::Fault;

use super::broken::Broken;
use super::bus::Mischief;
use super::mailbox::FIRST_REFUSED;
use super::parallel;
use super::plan::{Faults, LATE};
use super::report::{Figures, command};
use super::script::{Step, Timed};
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

/// A story that is told with every fault.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    /// With pairs of faults too.
    pub(crate) pairs: Pairs,
    script: &'static [Step],
    /// Each once the one before has settled.
    afterwards: &'static [Step],
    /// Each message is delivered twice at the same moment.
    twice: bool,
}

/// The one event of each kind and each way through the pipeline.
pub(crate) const STORIES: [Story; 6] = [
    Story {
        name: "sign-up",
        pairs: Pairs::WithACrash,
        script: &[Step::SignUp(1)],
        afterwards: &[],
        twice: false,
    },
    Story {
        name: "change",
        pairs: Pairs::OfCrashes,
        script: &[Step::SignUp(1)],
        afterwards: &[Step::Rename(1)],
        twice: false,
    },
    Story {
        name: "delete",
        pairs: Pairs::None,
        script: &[Step::SignUp(1)],
        afterwards: &[Step::Delete(1)],
        twice: false,
    },
    Story {
        name: "twice-at-once",
        pairs: Pairs::None,
        script: &[Step::SignUp(1)],
        afterwards: &[],
        twice: true,
    },
    Story {
        name: "nonsense",
        pairs: Pairs::None,
        script: &[Step::Nonsense],
        afterwards: &[Step::OpenMailboxes],
        twice: false,
    },
    Story {
        name: "refused",
        pairs: Pairs::OfCrashes,
        script: &[Step::SignUp(FIRST_REFUSED)],
        afterwards: &[Step::OpenMailboxes],
        twice: false,
    },
];

impl Story {
    fn case(&self, broken: Option<Broken>, faults: BTreeMap<u64, Fault>) -> Case {
        let timed = |step: &Step| Timed {
            at: Duration::ZERO,
            step: *step,
        };
        Case {
            seed: 0,
            script: self.script.iter().map(timed).collect(),
            afterwards: self.afterwards.iter().map(timed).collect(),
            faults: Faults::Exactly(faults),
            mischief: Mischief {
                twice: f64::from(u8::from(self.twice)),
                ..Mischief::default()
            },
            skewed: false,
            tries: 2,
            broken,
        }
    }

    /// Tells the story without a fault, then with each single fault, and each of those again with a
    /// second fault at each later call. A second fault at an earlier call would be another pair's
    /// first, so each pair comes once.
    ///
    /// Left out because nothing can come of it: "after" faults of reads, which have no effect, and
    /// faults of the reads after the last change, which find nothing to do. Left to chance (see
    /// `random`): two faults that the process lives through, and three or more.
    pub(crate) fn tell(&self) -> Figures {
        let mut figures = Figures::default();
        let plain = self.tell_with(BTreeMap::new(), &mut figures);
        let firsts = faults_from(0, &plain.calls);
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
        let ran = self.case(None, faults.clone()).run();
        let replay = || command(&format!("SIM_CASE={}", named(self.name, &faults)));
        figures.add(&ran, replay);
        ran
    }
}

/// The first single fault, story by story, that shows a broken protocol: its name in a replay.
pub(crate) fn first_that_shows(broken: Broken) -> Option<String> {
    STORIES.iter().find_map(|story| {
        let told = |faults: BTreeMap<u64, Fault>| story.case(Some(broken), faults).run();
        let plain = told(BTreeMap::new());
        let singles = faults_from(0, &plain.calls).into_iter();
        let mut each = [BTreeMap::new()]
            .into_iter()
            .chain(singles.map(|fault| [fault].into()));
        let shows = each.find(|faults| !told(faults.clone()).violations.is_empty());
        shows.map(|faults| named(story.name, &faults))
    })
}

/// Every fault of every call from this one to the last that changes something.
fn faults_from(start: u64, calls: &[bool]) -> Vec<(u64, Fault)> {
    let end = calls
        .iter()
        .rposition(|changes| *changes)
        .map_or(0, |it| it + 1);
    let calls = (0..).zip(&calls[..end]);
    let each = calls.filter(|(number, _)| *number >= start);
    let each = each.flat_map(|(number, changes)| {
        let kinds = OF_A_CHANGE.iter().map(|(_, fault)| *fault);
        let possible = kinds.filter(|fault| *changes || of_a_read(*fault));
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
    let story = STORIES.iter().find(|story| story.name == name);
    story.expect("a story").case(broken, faults.collect())
}
