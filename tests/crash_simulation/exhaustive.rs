//! One event, every call of every port, every kind of fault; then a second one on top.

use std::collections::BTreeMap;
use std::time::Duration;

use fanout_testkit::faults::Fault;

use super::broken::Broken;
use super::bus::Mischief;
use super::plan::{Faults, LATE};
use super::report::{Figures, failure};
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

/// The stories that are told with every fault, and whether with pairs of faults too.
pub(crate) const STORIES: [(&str, bool); 5] = [
    ("sign-up", true),
    ("change", true),
    ("delete", false),
    ("nonsense", false),
    ("twice-at-once", false),
];

fn story(name: &str) -> Case {
    let at = |seconds, step| Timed {
        at: Duration::from_secs(seconds),
        step,
    };
    let sign_up = vec![at(0, Step::SignUp(1))];
    let afterwards = match name {
        "change" => vec![at(0, Step::Rename(1))],
        "delete" => vec![at(0, Step::Delete(1))],
        _ => vec![],
    };
    let script = match name {
        "nonsense" => vec![at(0, Step::Nonsense)],
        _ => sign_up,
    };
    let twice = f64::from(u8::from(name == "twice-at-once"));
    Case {
        seed: 0,
        script,
        afterwards,
        faults: Faults::Exactly(BTreeMap::new()),
        mischief: Mischief {
            twice,
            ..Mischief::default()
        },
        skewed: false,
        tries: 2,
        broken: None,
    }
}

/// The whole of one story.
pub(crate) struct Exhaustive {
    pub(crate) figures: Figures,
    /// The first case that failed, as it is to be shown.
    pub(crate) failure: Option<String>,
}

/// Runs a story without a fault, then with each single fault; with `pairs`, each of those again
/// with a second fault at each later call. A second fault at an earlier call would be another
/// pair's first, so each pair comes once.
///
/// Pruned: of a pair, one is a crash (two faults that a process lives through are drawn at random
/// elsewhere); faults of reads have no "after".
pub(crate) fn run(name: &str, pairs: bool, broken: Option<Broken>) -> Exhaustive {
    let mut told = Exhaustive {
        figures: Figures::default(),
        failure: None,
    };
    let story = Case {
        broken,
        ..story(name)
    };
    let plain = told.tell(name, &story, BTreeMap::new());
    for first in faults_from(0, &plain.calls) {
        let once = told.tell(name, &story, [first].into());
        if !pairs {
            continue;
        }
        for second in faults_from(first.0 + 1, &once.calls) {
            if first.1.is_crash() || second.1.is_crash() {
                told.tell(name, &story, [first, second].into());
            }
        }
        if told.failure.is_some() && broken.is_some() {
            break;
        }
    }
    told
}

fn faults_from(start: u64, calls: &[bool]) -> Vec<(u64, Fault)> {
    let later = (0..).zip(calls).filter(|(number, _)| *number >= start);
    let each = later.flat_map(|(number, changes)| {
        let kinds = OF_A_CHANGE.iter().map(|(_, fault)| *fault);
        let possible = kinds.filter(|fault| *changes || of_a_read(*fault));
        possible.map(move |fault| (number, fault))
    });
    each.collect()
}

impl Exhaustive {
    fn tell(&mut self, name: &str, story: &Case, faults: BTreeMap<u64, Fault>) -> Ran {
        let case = Case {
            faults: Faults::Exactly(faults.clone()),
            ..story.clone()
        };
        let ran = case.run();
        self.figures.add(&ran);
        if !ran.violations.is_empty() && self.failure.is_none() {
            let case = named(name, &faults);
            let command = format!(
                "SIM_CASE={case} cargo test -p fanout-tests --test all replay -- --nocapture"
            );
            self.failure = Some(failure(&command, &ran));
        }
        ran
    }
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

/// The case of that name, as [`failure`] printed it.
pub(crate) fn case_named(text: &str) -> Case {
    let (name, faults) = text.split_once(':').expect("STORY:CALL=FAULT,CALL=FAULT");
    let fault = |text: &str| {
        let (number, kind) = text.split_once('=').expect("CALL=FAULT");
        let fault = OF_A_CHANGE.iter().find(|(known, _)| *known == kind);
        (number.parse().expect("a number"), fault.expect("a fault").1)
    };
    let faults = faults.split(',').filter(|it| !it.is_empty()).map(fault);
    Case {
        faults: Faults::Exactly(faults.collect()),
        ..story(name)
    }
}
