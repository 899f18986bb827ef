//! The participants of a saga: each one keeps its fence, so that it does a step once however often it
//! is asked, and never after its undo.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanout_events::{Event, Metadata, StepRef};
use fanout_processes::{Machine, StepOutline, StoredProcess};
use serde_json::json;

use super::{Said, seconds};

/// How long an undo takes.
const UNDO: Duration = seconds(5);

/// How a participant takes a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Conduct {
    /// It does it, and says so after this time.
    Does(Duration),
    /// It does it, and its answer is lost; who asks again is answered.
    AnswerLost,
    /// It refuses it for this reason, after this time.
    Refuses(&'static str, Duration),
    /// It does not hear of it, however often it is asked.
    IsAway,
    /// It hears of it when it is asked for the so-manyth time.
    IsBackAt(u64, Duration),
}

/// What a participant has done: by the request for it.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Did(Event),
    Undid(Event),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fence {
    Done,
    Refused(&'static str),
    Undone,
}

/// All participants of one saga.
#[derive(Clone)]
pub(crate) struct Participants {
    outline: Vec<StepOutline>,
    /// By step: who does it, and how.
    conduct: BTreeMap<&'static str, (&'static str, Conduct)>,
    fences: BTreeMap<&'static str, Fence>,
    pub(crate) effects: Vec<Effect>,
}

impl Participants {
    /// Who does each step, and how.
    pub(crate) fn of(
        machine: &Arc<dyn Machine>,
        conduct: &[(&'static str, &'static str, Conduct)],
    ) -> Self {
        let conduct = conduct.iter().map(|(step, by, it)| (*step, (*by, *it)));
        Self {
            outline: machine.outline(),
            conduct: conduct.collect(),
            fences: BTreeMap::new(),
            effects: Vec::new(),
        }
    }

    /// The same, with one step taken otherwise.
    pub(crate) fn but(mut self, step: &'static str, conduct: Conduct) -> Self {
        self.conduct.entry(step).and_modify(|it| it.1 = conduct);
        self
    }

    /// What they say to an event.
    pub(crate) fn hear(&mut self, event: &Event) -> Vec<Said> {
        let Some(step) = StepRef::named_by(event) else {
            return Vec::new();
        };
        let mut outline = self.outline.iter();
        let Some(outline) = outline.find(|it| it.name == step.name).copied() else {
            return Vec::new();
        };
        if event.event_type == outline.asked_by {
            self.asked(&outline, &step, event)
        } else if Some(event.event_type.as_str()) == outline.undo_by {
            self.undo(&outline, &step, event)
        } else {
            Vec::new()
        }
    }

    fn asked(&mut self, outline: &StepOutline, step: &StepRef, event: &Event) -> Vec<Said> {
        let Some((by, conduct)) = self.conduct.get(outline.name).copied() else {
            return Vec::new();
        };
        let known = self.fences.get(outline.name).copied();
        let (fence, after) = match (known, conduct) {
            (Some(fence), _) => (fence, Duration::ZERO),
            (None, Conduct::Does(after)) => (Fence::Done, after),
            (None, Conduct::AnswerLost) => (Fence::Done, Duration::ZERO),
            (None, Conduct::Refuses(reason, after)) => (Fence::Refused(reason), after),
            (None, Conduct::IsBackAt(attempt, after)) if step.attempt >= attempt => {
                (Fence::Done, after)
            }
            (None, Conduct::IsAway | Conduct::IsBackAt(..)) => return Vec::new(),
        };
        self.fences.insert(outline.name, fence);
        if known.is_none() && fence == Fence::Done {
            self.effects.push(Effect::Did(event.clone()));
        }
        let (answer, reason) = match fence {
            Fence::Done if known.is_none() && matches!(conduct, Conduct::AnswerLost) => {
                return Vec::new();
            }
            Fence::Done => (outline.done_by, ""),
            Fence::Refused(reason) => (outline.refused_by, reason),
            Fence::Undone => (outline.refused_by, "cancelled"),
        };
        said(by, after, answer, step, reason)
    }

    fn undo(&mut self, outline: &StepOutline, step: &StepRef, event: &Event) -> Vec<Said> {
        let by = self.conduct.get(outline.name).map_or("", |(by, _)| by);
        if self.fences.insert(outline.name, Fence::Undone) == Some(Fence::Done) {
            self.effects.push(Effect::Undid(event.clone()));
        }
        said(by, UNDO, outline.undone_by, step, "")
    }
}

fn said(
    by: &'static str,
    after: Duration,
    answer: Option<&'static str>,
    step: &StepRef,
    reason: &str,
) -> Vec<Said> {
    let said = answer.map(|event_type| Said {
        by,
        after,
        event_type,
        metadata: Metadata {
            version: "1.0".to_owned(),
            schema: None,
        },
        data: Ok(json!({"step": step, "reason": reason})),
    });
    said.into_iter().collect()
}

/// How a saga stands: its status, and each step's.
pub(crate) fn shown(stored: &StoredProcess) -> String {
    let steps = stored.instance.steps.iter();
    let steps = steps.map(|it| format!("{} {}", it.step, it.status.as_str()));
    let steps: Vec<String> = steps.collect();
    format!("{}: {}", stored.instance.status.as_str(), steps.join(", "))
}
