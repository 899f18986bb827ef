//! What holds for every saga, whatever its steps: `saga_laws::hold(&machine, key, &fact)` in a test of
//! its service. In virtual time, and without a store: that a step is one commit is the engine's part.

mod world;

use std::collections::BTreeSet;
use std::sync::Arc;

use fanout_events::EventType;
use fanout_processes::{Instance, Kind, Machine, Status, StepOutline, Verb};
use serde_json::Value;

pub use world::{Act, Conduct, World};

/// How many deadlines may pass while messages are on their way, in all orders of those.
const EARLY_DEADLINES: usize = 2;

/// Holds a saga to every law.
pub fn hold<T: EventType>(machine: &Arc<dyn Machine>, key: &str, fact: &T) {
    let laws = Laws { machine, key, fact };
    laws.its_outline_is_sound();
    laws.every_request_may_come_twice();
    laws.a_refusal_at_each_step_is_undone();
    laws.silence_at_each_step_is_undone();
    laws.an_undo_that_is_never_answered_is_stuck_and_can_be_freed();
    laws.answers_may_come_in_any_order();
    laws.operators_may_say_anything_at_any_time();
}

/// Every form that an instance can have, by which of its steps stand how: for golden files.
pub fn forms<T: EventType>(
    machine: &Arc<dyn Machine>,
    key: &str,
    fact: &T,
) -> Vec<Instance<Value>> {
    let laws = Laws { machine, key, fact };
    let mut forms: Vec<Instance<Value>> = Vec::new();
    for conduct in conducts(machine) {
        let mut world = laws.begun(&conduct);
        world.run();
        for form in world.forms {
            let same = |other: &Instance<Value>| name_of(other) == name_of(&form);
            if !forms.iter().any(same) {
                forms.push(form);
            }
        }
    }
    forms
}

/// A name for how an instance stands: `compensating-reserve_done-charge_refused`.
pub fn name_of<S>(form: &Instance<S>) -> String {
    let steps = form.steps.iter();
    let steps = steps.map(|step| format!("-{}_{}", step.step, step.status.as_str()));
    format!("{}{}", form.status.as_str(), steps.collect::<String>())
}

/// All as it should be, and each step with each fault.
pub fn conducts(machine: &Arc<dyn Machine>) -> Vec<Conduct> {
    let outline = machine.outline();
    let mut all = vec![Conduct::default()];
    for step in &outline {
        for act in [Act::Refuses, Act::DoesInSilence, Act::IsAway] {
            if act != Act::Refuses || step.refused_by.is_some() {
                all.push(at(step, act));
            }
        }
        let fails_later = |it: &&StepOutline| it.stage > step.stage && it.refused_by.is_some();
        for later in outline.iter().filter(fails_later) {
            if step.undo_by.is_some() {
                all.push(Conduct {
                    undo_unanswered: vec![step.name],
                    ..at(later, Act::Refuses)
                });
            }
        }
    }
    all
}

struct Laws<'a, T> {
    machine: &'a Arc<dyn Machine>,
    key: &'a str,
    fact: &'a T,
}

impl<T: EventType> Laws<'_, T> {
    fn begun(&self, conduct: &Conduct) -> World {
        World::begun(self.machine, self.key, self.fact, conduct)
    }

    fn ends(&self, conduct: &Conduct) -> Status {
        let mut world = self.begun(conduct);
        world.run();
        world.instance.status
    }

    fn its_outline_is_sound(&self) {
        let outline = self.machine.outline();
        assert!(!outline.is_empty());
        for (place, step) in outline.iter().enumerate() {
            let twice = outline[..place].iter().any(|it| it.name == step.name);
            assert!(!twice, "{} comes twice", step.name);
            assert!(step.done_by.is_some(), "{}", step.name);
            let later = outline
                .iter()
                .any(|it| it.stage > step.stage && it.kind != Kind::Retriable);
            let past = outline
                .iter()
                .any(|it| it.stage < step.stage && it.kind == Kind::Pivot);
            let needs_undo = step.kind == Kind::Compensatable && later && !past;
            assert!(
                !needs_undo || step.undo_by.is_some(),
                "{} has no undo",
                step.name
            );
        }
    }

    fn every_request_may_come_twice(&self) {
        let twice = Conduct {
            copies: 2,
            ..Conduct::default()
        };
        assert_eq!(self.ends(&twice), Status::Completed);
    }

    /// Where a step before or at the pivot fails, all is undone.
    fn end_of_failure(&self, step: &StepOutline, refused: bool) -> Status {
        let pivot = self.machine.outline().into_iter();
        let pivot = { pivot }.find(|step| step.kind == Kind::Pivot);
        let forward = pivot
            .is_some_and(|pivot| step.stage > pivot.stage || (step.name == pivot.name && !refused));
        match step.kind {
            Kind::Retriable => Status::Completed,
            Kind::Compensatable | Kind::Pivot if forward => Status::Stuck,
            Kind::Compensatable | Kind::Pivot => Status::Compensated,
        }
    }

    fn a_refusal_at_each_step_is_undone(&self) {
        for step in self.machine.outline() {
            if step.refused_by.is_some() {
                for copies in [1, 2] {
                    let conduct = Conduct {
                        copies,
                        ..at(&step, Act::Refuses)
                    };
                    let expected = self.end_of_failure(&step, true);
                    assert_eq!(self.ends(&conduct), expected, "{}", step.name);
                }
            }
        }
    }

    fn silence_at_each_step_is_undone(&self) {
        for step in self.machine.outline() {
            for act in [Act::DoesInSilence, Act::IsAway] {
                let expected = self.end_of_failure(&step, false);
                assert_eq!(
                    self.ends(&at(&step, act)),
                    expected,
                    "{} {act:?}",
                    step.name
                );
            }
        }
    }

    fn an_undo_that_is_never_answered_is_stuck_and_can_be_freed(&self) {
        for conduct in conducts(self.machine) {
            let Some(unanswered) = conduct.undo_unanswered.first() else {
                continue;
            };
            let mut world = self.begun(&conduct);
            world.run();
            assert_eq!(world.instance.status, Status::Stuck, "{conduct:?}");
            let failed = world.instance.failure.as_ref();
            assert_eq!(failed.and_then(|it| it.step.as_deref()), Some(*unanswered));
            let step = (*unanswered).to_owned();
            world.operate(&Verb::Skip { step }).unwrap();
            world.run();
            assert_eq!(world.instance.status, Status::Compensated, "{conduct:?}");
        }
    }

    /// Every order in which messages can arrive and the first deadlines can pass.
    fn answers_may_come_in_any_order(&self) {
        for conduct in conducts(self.machine) {
            let mut open = vec![(self.begun(&conduct), 0)];
            let mut seen = BTreeSet::new();
            while let Some((world, early)) = open.pop() {
                if !seen.insert((world.face(), early)) {
                    continue;
                }
                if world.on_the_way() == 0 {
                    let mut world = world;
                    world.run();
                    continue;
                }
                for place in 0..world.on_the_way() {
                    let mut next = world.clone();
                    next.arrive(place);
                    open.push((next, early));
                }
                let mut next = world;
                if early < EARLY_DEADLINES && next.wake() {
                    open.push((next, early + 1));
                }
            }
        }
    }

    fn operators_may_say_anything_at_any_time(&self) {
        for conduct in conducts(self.machine) {
            let mut world = self.begun(&conduct);
            loop {
                for verb in self.verbs() {
                    let mut moved = world.clone();
                    // Refused or not: it goes on, and ends.
                    let said = moved.operate(&verb);
                    let skipped = matches!(verb, Verb::Skip { .. }) && said.is_ok();
                    if !skipped {
                        moved.run();
                    }
                }
                if world.on_the_way() > 0 {
                    world.arrive(0);
                } else if !world.wake() {
                    break;
                }
            }
        }
    }

    fn verbs(&self) -> Vec<Verb> {
        let steps = self.machine.outline().into_iter();
        let skip = steps.map(|step| Verb::Skip {
            step: step.name.to_owned(),
        });
        let abandon = Verb::Abandon {
            reason: "in a test".to_owned(),
        };
        let compensate = Verb::Compensate {
            reason: "asked_for",
        };
        skip.chain([Verb::Retry, compensate, abandon]).collect()
    }
}

fn at(step: &StepOutline, act: Act) -> Conduct {
    Conduct {
        acts: [(step.name, act)].into(),
        ..Conduct::default()
    }
}
