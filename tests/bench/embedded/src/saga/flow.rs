//! The saga: four steps one after the other, each with an undo.

use std::sync::Arc;

use fanout_outbox::Draft;
use fanout_processes::saga::Asking;
use fanout_processes::{Machine, Owned, Pace, Processes, Saga, machine};

use super::events::{Asked, Begun, Done, Ended, Refused, UndoAsked, Undone};

/// The process, and part of its instances' documents.
pub(super) const FLOW: &str = "flow";
/// The service that owns it.
pub(super) const SERVICE: &str = "flow-service";
/// The steps.
pub(super) const STEPS: [&str; 4] = ["one", "two", "three", "four"];
/// The one that is refused, in sagas that are.
const REFUSED: &str = STEPS[2];

/// The table of this one process.
pub(super) fn processes() -> Processes {
    Processes::of(vec![Owned {
        service: SERVICE,
        machine: flow(),
    }])
}

fn flow() -> Arc<dyn Machine> {
    let [one, two, three, four] = STEPS;
    let steps = Saga::named(FLOW, 1, Pace::REAL)
        .step(one, ask)
        .done_by::<Done>()
        .refused_by::<Refused>()
        .undo(ask_undo)
        .undone_by::<Undone>()
        .step(two, ask)
        .done_by::<Done>()
        .refused_by::<Refused>()
        .undo(ask_undo)
        .undone_by::<Undone>()
        .step(three, ask)
        .done_by::<Done>()
        .refused_by::<Refused>()
        .undo(ask_undo)
        .undone_by::<Undone>()
        .step(four, ask)
        .done_by::<Done>()
        .refused_by::<Refused>();
    machine(steps.ended(ended, |begun, _| ended(begun)))
}

fn ask(asking: Asking<'_, Begun>) -> Asked {
    Asked {
        refused: asking.of.refused && asking.step.name == REFUSED,
        step: asking.step,
    }
}

fn ask_undo(asking: Asking<'_, Begun>) -> UndoAsked {
    UndoAsked { step: asking.step }
}

fn ended(begun: &Begun) -> Result<Draft, fanout_outbox::UnwritableEvent> {
    let saga = begun.saga.clone();
    Draft::of(&begun.saga, 2, &Ended { saga })
}
