//! Who does the steps: each in the store, with what it did counted there.

use async_trait::async_trait;
use fanout_consume::{Consumer, ConsumerDeps, Failure, View};
use fanout_events::StepRef;
use fanout_outbox::{Draft, UnwritableEvent};
use fanout_processes::{Answer, Fences, Ruling, StoreStep, UndoableInStore};
use fanout_store::{Collection, Documents, Fields, Key, Write};

use super::events::{Asked, Done, Refused, UndoAsked, Undone};
use super::flow::STEPS;

/// What was done, by saga and step.
const EFFECTS: &Collection = &Collection::named("effects").no_automatic_indexes();

const CONSUMER: &str = "steps";
const DONE: &str = "done";
const UNDONE: &str = "undone";

/// The consumer of requests.
pub(super) fn consumer(deps: &ConsumerDeps) -> Consumer {
    let fences = Fences::of(CONSUMER, deps);
    Consumer::named(CONSUMER)
        .on::<Asked>(fences.doing(Count))
        .on::<UndoAsked>(fences.undoing(Count))
}

/// A step whose effect is a number, so that one which happens twice is seen.
#[derive(Clone, Copy)]
struct Count;

fn key(saga: &str, step: &str) -> Key {
    Key::new(EFFECTS, &format!("{saga}:{step}"))
}

fn counted(step: &(String, String), what: &str) -> Vec<Write> {
    let (saga, name) = step;
    vec![Write::merge(key(saga, name), Fields::new()).increment(what, 1)]
}

fn named(step: &StepRef) -> (String, String) {
    (step.key.clone(), step.name.clone())
}

#[async_trait]
impl StoreStep for Count {
    type Asked = Asked;
    type Outcome = (String, String);
    const SUBJECT: &'static str = "cnt";

    async fn perform(
        &self,
        asked: &Asked,
        _: &str,
        _: &View<'_>,
    ) -> Result<(Ruling<(String, String)>, Vec<Write>), Failure> {
        if asked.refused {
            return Ok((Ruling::Refused("refused".to_owned()), Vec::new()));
        }
        let step = named(&asked.step);
        let writes = counted(&step, DONE);
        Ok((Ruling::Done(step), writes))
    }

    fn answer(
        &self,
        asked: &Asked,
        to: Answer,
        ruling: &Ruling<(String, String)>,
    ) -> Result<Draft, UnwritableEvent> {
        let step = asked.step.clone();
        match ruling {
            Ruling::Done(_) => Draft::of(to.subject, to.sequence, &Done { step }),
            Ruling::Refused(reason) => {
                let reason = reason.clone();
                Draft::of(to.subject, to.sequence, &Refused { reason, step })
            }
        }
    }
}

#[async_trait]
impl UndoableInStore for Count {
    type Undo = UndoAsked;

    async fn undo(&self, done: (String, String), _: &View<'_>) -> Result<Vec<Write>, Failure> {
        Ok(counted(&done, UNDONE))
    }

    fn undone(&self, asked: &UndoAsked, to: Answer) -> Result<Draft, UnwritableEvent> {
        let step = asked.step.clone();
        Draft::of(to.subject, to.sequence, &Undone { step })
    }
}

/// What was done for a saga: a line for each time, of the saga, its step's place and what was done.
pub(super) async fn effects(documents: &dyn Documents, saga: &str) -> anyhow::Result<Vec<String>> {
    let keys = STEPS.map(|step| key(saga, step));
    let found = documents.get_many(&keys).await?;
    let mut lines = Vec::new();
    for (place, document) in (1..).zip(found) {
        let Some(document) = document else { continue };
        for (field, what) in [(DONE, "do"), (UNDONE, "undo")] {
            let times = document.fields.integer(field).unwrap_or(0);
            lines.extend((0..times).map(|_| format!("{saga} {place} {what}")));
        }
    }
    Ok(lines)
}
