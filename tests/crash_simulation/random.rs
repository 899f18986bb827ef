//! Many users, and everything at once: each seed draws who does what, how unkind the bus is, how
//! often calls go wrong, and how far clocks are off.

use std::time::Duration;

use super::broken::Broken;
use super::bus::Mischief;
use super::dice::Dice;
use super::plan::Faults;
use super::script::{Step, Timed};
use super::world::Case;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The case of a seed.
pub(crate) fn case(seed: u64, broken: Option<Broken>) -> Case {
    // Other draws than those within the run, which begin from the seed itself.
    let dice = Dice::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(1));
    let people = 1 + dice.below(4);
    let busy_for = dice.pick(&[Duration::from_secs(1), MINUTE, 5 * MINUTE]);
    let mut script = Vec::new();
    for person in 0..people {
        let at = dice.duration(busy_for);
        let mut add = |at, step| script.push(Timed { at, step });
        add(at, Step::SignUp(person));
        for _ in 0..dice.below(4) {
            let later = at + dice.duration(busy_for);
            add(
                later,
                dice.pick(&[Step::Rename(person), Step::Move(person)]),
            );
        }
        if dice.chance(0.2) {
            add(at + dice.duration(2 * busy_for), Step::Delete(person));
        }
        if dice.chance(0.1) {
            add(at, Step::Nonsense);
        }
    }
    let likely = |dice: &Dice| dice.pick(&[0.0, 0.05, 0.3]);
    Case {
        seed,
        script,
        afterwards: afterwards(&dice),
        faults: Faults::AtRandom {
            chance: dice.pick(&[0.0, 0.02, 0.05, 0.1, 0.25]),
            until: 10 * MINUTE,
        },
        mischief: Mischief {
            twice: likely(&dice),
            renumbered: likely(&dice),
            delay: dice.pick(&[Duration::ZERO, Duration::from_secs(1), 2 * MINUTE]),
            lost_answer: dice.pick(&[0.0, 0.05, 0.2]),
            cut: dice.pick(&[0.0, 0.5, 1.0]),
        },
        skewed: dice.chance(0.5),
        tries: 1 + dice.below(5) as usize,
        broken,
    }
}

fn afterwards(dice: &Dice) -> Vec<Timed> {
    let mut steps = Vec::new();
    if dice.chance(0.2) {
        steps.push(Step::ReuseId(0));
    }
    if dice.chance(0.2) {
        // Within a mark's life of 45 days, or beyond it.
        let wait = dice.pick(&[40 * DAY, 46 * DAY]);
        steps.push(Step::SendAgainAfter(wait));
    }
    let at = Duration::ZERO;
    steps.into_iter().map(|step| Timed { at, step }).collect()
}

/// How to see a seed again.
pub(crate) fn replay(seed: u64) -> String {
    format!("SIM_SEED={seed} cargo test -p fanout-tests --test all replay -- --nocapture")
}
