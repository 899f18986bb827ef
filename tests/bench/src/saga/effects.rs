//! What sagas did, against what they should have done.

use std::collections::BTreeMap;

use crate::measure::Effects;

/// Sagas of one run, all of which ended the same way.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) count: usize,
    pub(super) refused: bool,
}

/// What a saga does: the places of its steps, and whether each is done or undone.
const HAPPY: [&str; 4] = ["1 do", "2 do", "3 do", "4 do"];
const REFUSED: [&str; 4] = ["1 do", "2 do", "2 undo", "1 undo"];

/// Compares the lines that steps left (`SAGA PLACE do` or `undo`) with what these runs should have left.
pub(super) fn compared(lines: &str, runs: &[Run]) -> Effects {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        *found.entry(line).or_default() += 1;
    }
    let mut effects = Effects::default();
    for run in runs {
        let each = if run.refused { REFUSED } else { HAPPY };
        for number in 0..run.count {
            for what in each {
                let line = format!("{}-{number} {what}", run.name);
                match found.remove(line.as_str()) {
                    None => effects.lost += 1,
                    Some(times) => effects.repeated += times - 1,
                }
            }
        }
    }
    // What no saga should have done.
    effects.repeated += found.values().sum::<usize>();
    effects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(refused: bool) -> Run {
        let name = "a".to_owned();
        Run {
            name,
            count: 1,
            refused,
        }
    }

    #[test]
    fn every_step_once_is_exact_whatever_the_order() {
        let happy = "a-0 4 do\na-0 1 do\na-0 3 do\na-0 2 do\n";
        assert_eq!(compared(happy, &[run(false)]), Effects::default());
        let refused = "a-0 1 do\na-0 2 do\na-0 2 undo\na-0 1 undo\n";
        assert_eq!(compared(refused, &[run(true)]), Effects::default());
    }

    #[test]
    fn a_step_that_is_missing_is_lost_and_one_too_many_is_repeated() {
        let lines = "a-0 1 do\na-0 1 do\na-0 3 do\na-0 4 do\na-0 4 undo\n";
        let effects = compared(lines, &[run(false)]);
        assert_eq!((effects.lost, effects.repeated), (1, 2));
    }
}
