//! A saga among participants that keep their fences, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use fanout_events::{Data, Envelope, Event, EventType, StepRef};
use fanout_processes::{
    Emit, Input, Instance, Kind, Machine, OperateError, Status, Step, StepOutline, StepStatus,
    StoredProcess, Verb,
};
use fanout_runtime::Timestamp;
use serde_json::{Value, json};

/// How a participant treats a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It does it.
    Does,
    /// It refuses.
    Refuses,
    /// It does it, and no answer ever comes.
    DoesInSilence,
    /// It is never heard of, and does nothing.
    IsAway,
}

/// How the participants behave; who is not named does as it should.
#[derive(Debug, Clone, Default)]
pub struct Conduct {
    /// By step.
    pub acts: BTreeMap<&'static str, Act>,
    /// Steps whose undo is never answered.
    pub undo_unanswered: Vec<&'static str>,
    /// How often each request arrives; 0 counts as once.
    pub copies: usize,
}

/// What a participant remembers of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Fence {
    #[default]
    Unknown,
    Done,
    Refused,
    Undone,
}

/// On its way.
#[derive(Debug, Clone)]
enum Message {
    Request(&'static str, StepRef),
    Answer(Event),
}

impl Message {
    fn face(&self) -> String {
        match self {
            Self::Request(by, step) => format!("{by} {}", step.attempt),
            Self::Answer(event) => format!("{} {}", event.event_type, event.data.0["step"]["name"]),
        }
    }
}

/// One instance, its participants, and what is on its way between them.
#[derive(Clone)]
pub struct World {
    machine: Arc<dyn Machine>,
    outline: Vec<StepOutline>,
    conduct: Conduct,
    now: Timestamp,
    wake: Option<Timestamp>,
    fences: BTreeMap<&'static str, Fence>,
    /// How often each step took effect.
    effects: BTreeMap<&'static str, usize>,
    facts: usize,
    messages: Vec<Message>,
    /// The instance as it stands.
    pub instance: Instance<Value>,
    /// Every form that it had.
    pub forms: Vec<Instance<Value>>,
}

impl World {
    /// An instance that has just begun with this fact.
    pub fn begun<T: EventType>(
        machine: &Arc<dyn Machine>,
        key: &str,
        fact: &T,
        conduct: &Conduct,
    ) -> Self {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let Ok(Value::Object(data)) = serde_json::to_value(fact) else {
            panic!("a fact's data is an object");
        };
        let event = event(T::TYPE, key, Data(data), now, T::metadata());
        let step = machine.start(key, &event, now).unwrap();
        let mut world = Self {
            machine: Arc::clone(machine),
            outline: machine.outline(),
            conduct: conduct.clone(),
            now,
            wake: None,
            fences: BTreeMap::new(),
            effects: BTreeMap::new(),
            facts: 0,
            messages: Vec::new(),
            instance: step.instance.clone(),
            forms: Vec::new(),
        };
        world.apply(step);
        world
    }

    /// A stored instance, whose messages are lost. What a participant may have done, it has.
    pub fn resumed(machine: &Arc<dyn Machine>, stored: &StoredProcess, conduct: &Conduct) -> Self {
        let outline = machine.outline();
        let mut fences = BTreeMap::new();
        for step in &outline {
            let record = stored.instance.step(step.name);
            let fence = match record.map(|record| record.status) {
                None | Some(StepStatus::Requested) => Fence::Unknown,
                Some(StepStatus::Refused) => Fence::Refused,
                Some(StepStatus::Undone) => Fence::Undone,
                Some(
                    StepStatus::Done
                    | StepStatus::Unknown
                    | StepStatus::Undoing
                    | StepStatus::UndoFailed,
                ) => Fence::Done,
            };
            fences.insert(step.name, fence);
        }
        let has_told = matches!(
            stored.instance.status,
            Status::Completed | Status::Compensated
        );
        Self {
            machine: Arc::clone(machine),
            outline,
            conduct: conduct.clone(),
            now: stored.updated_at,
            wake: stored.wake_at,
            fences,
            effects: BTreeMap::new(),
            facts: usize::from(has_told),
            messages: Vec::new(),
            instance: stored.instance.clone(),
            forms: Vec::new(),
        }
    }

    /// All that decides how it goes on, but for the times: two worlds with one face end alike.
    pub fn face(&self) -> String {
        let steps = self.instance.steps.iter();
        let steps: Vec<_> = steps.map(|it| (&it.step, it.status, it.attempt)).collect();
        let mut messages: Vec<String> = self.messages.iter().map(Message::face).collect();
        messages.sort_unstable();
        let status = self.instance.status;
        format!("{status:?} {steps:?} {messages:?} {:?}", self.fences)
    }

    /// How many messages are on their way.
    pub fn on_the_way(&self) -> usize {
        self.messages.len()
    }

    /// The message at this place arrives.
    pub fn arrive(&mut self, place: usize) {
        match self.messages.remove(place) {
            Message::Request(by, step) => self.participate(by, &step),
            Message::Answer(event) => self.input(Input::Event(&event)),
        }
    }

    /// Time passes until the instance is due; false if it waits for nothing.
    pub fn wake(&mut self) -> bool {
        let Some(wake) = self.wake else {
            return false;
        };
        self.now = self.now.max(wake);
        self.input(Input::Due);
        true
    }

    /// An operator says something.
    pub fn operate(&mut self, verb: &Verb) -> Result<(), OperateError> {
        let step = self
            .machine
            .operate(self.instance.clone(), verb, self.now)?;
        self.apply(step);
        Ok(())
    }

    /// Everything goes its way, messages before deadlines, until nothing does any more.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            if self.on_the_way() > 0 {
                self.arrive(0);
            } else if !self.instance.status.is_under_way() || !self.wake() {
                self.check_end();
                return;
            }
        }
        panic!("it never ends: {:?}", self.instance);
    }

    /// That the participants are left as the end says.
    pub fn check_end(&self) {
        let steps = &self.outline;
        let effect = |step: &StepOutline| self.fences.get(step.name) == Some(&Fence::Done);
        let shown = &self.instance;
        match self.instance.status {
            Status::Completed => {
                let mut needed = steps.iter().filter(|step| step.kind != Kind::Retriable);
                assert!(needed.all(effect), "{shown:?}");
                assert_eq!(self.facts, 1, "{shown:?}");
            }
            Status::Compensated => {
                assert!(!steps.iter().any(effect), "{shown:?}");
                assert_eq!(self.facts, 1, "{shown:?}");
            }
            Status::Stuck => assert!(shown.failure.is_some(), "{shown:?}"),
            Status::Abandoned => assert_eq!(self.facts, 0, "{shown:?}"),
            Status::Running | Status::Compensating => panic!("it waits for nothing: {shown:?}"),
        }
        assert!(self.effects.values().all(|times| *times <= 1), "{shown:?}");
    }

    fn input(&mut self, input: Input<'_>) {
        let step = self.machine.on(self.instance.clone(), input, self.now);
        if let Some(step) = step.unwrap() {
            self.apply(step);
        }
    }

    fn apply(&mut self, step: Step<Value>) {
        let under_way = step.instance.status.is_under_way();
        assert_eq!(step.wake.is_some(), under_way, "{:?}", step.instance);
        self.wake = step.wake;
        self.instance = step.instance;
        self.forms.push(self.instance.clone());
        for emit in step.emit {
            match emit {
                Emit::Fact(_) => self.facts += 1,
                Emit::Request(draft) => {
                    let data: Value = serde_json::from_str(draft.data()).unwrap();
                    let step = serde_json::from_value(data["step"].clone()).unwrap();
                    let message = Message::Request(draft.event_type(), step);
                    let copies = self.conduct.copies.max(1);
                    self.messages.extend(vec![message; copies]);
                }
            }
        }
    }

    fn participate(&mut self, by: &str, step: &StepRef) {
        let mut steps = self.outline.iter();
        let outline = *steps.find(|outline| outline.name == step.name).unwrap();
        let fence = self.fences.get(outline.name).copied().unwrap_or_default();
        if by == outline.asked_by {
            self.ask(&outline, fence, step);
        } else {
            assert_eq!(Some(by), outline.undo_by, "{}", step.name);
            self.undo(&outline, fence, step);
        }
    }

    fn ask(&mut self, outline: &StepOutline, fence: Fence, step: &StepRef) {
        let act = self.conduct.acts.get(outline.name).copied();
        let act = act.unwrap_or(Act::Does);
        let after = match (fence, act) {
            (Fence::Unknown, Act::IsAway) => return,
            (Fence::Unknown, Act::Refuses) => Fence::Refused,
            (Fence::Unknown, Act::Does | Act::DoesInSilence) => {
                *self.effects.entry(outline.name).or_default() += 1;
                Fence::Done
            }
            (Fence::Done | Fence::Refused | Fence::Undone, _) => fence,
        };
        self.fences.insert(outline.name, after);
        let answer = match after {
            Fence::Done if act == Act::DoesInSilence => None,
            Fence::Done => outline.done_by,
            Fence::Refused | Fence::Undone | Fence::Unknown => outline.refused_by,
        };
        self.answer(answer, step);
    }

    /// A step is undone after all that came later.
    fn undo(&mut self, outline: &StepOutline, fence: Fence, step: &StepRef) {
        if fence == Fence::Done {
            let later = self.outline.iter().filter(|it| it.stage > outline.stage);
            let mut done = later.filter(|it| self.fences.get(it.name) == Some(&Fence::Done));
            assert_eq!(done.next(), None, "it is undone before what came later");
        }
        self.fences.insert(outline.name, Fence::Undone);
        let unanswered = self.conduct.undo_unanswered.contains(&outline.name);
        self.answer(outline.undone_by.filter(|_| !unanswered), step);
    }

    fn answer(&mut self, by: Option<&'static str>, step: &StepRef) {
        let Some(by) = by else {
            return;
        };
        let Value::Object(data) = json!({"step": step, "reason": "refused_in_a_test"}) else {
            panic!("it is an object");
        };
        let metadata = fanout_events::Metadata {
            version: "1.0".to_owned(),
            schema: None,
        };
        let event = event(by, "prt_1", Data(data), self.now, metadata);
        self.messages.push(Message::Answer(event));
    }
}

fn event(
    event_type: &str,
    subject: &str,
    data: Data,
    timestamp: Timestamp,
    metadata: fanout_events::Metadata,
) -> Event {
    Envelope {
        id: "evt_1".to_owned(),
        event_type: event_type.to_owned(),
        source: "test".to_owned(),
        subject: subject.to_owned(),
        sequence: 1,
        timestamp,
        correlation_id: Some("req_1".to_owned()),
        causation_id: None,
        data,
        metadata,
    }
}
